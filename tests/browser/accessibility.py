"""Barriers on a page, found by axe-core; see ``vendor/README.md``."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

AXE = Path(__file__).parent / "vendor" / "axe.min.js"

# WCAG 2.2, levels A and AA. axe's "best practices" go further than any standard.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

Violations = dict[str, set[str]]
"""Targets (CSS selectors) by the id of the rule that they break."""

RUN = """
async tags => {
  const report = await axe.run(document, {
    runOnly: { type: "tag", values: tags },
    resultTypes: ["violations"],
  });
  return report.violations.map(rule => [
    rule.id,
    rule.nodes.map(node => [node.target.flat(9).join(" "), node.failureSummary, node.html]),
  ]);
}
"""


def axe_violations(page: Page, baseline: Violations | None = None) -> dict[str, dict[str, str]]:
    """What axe-core finds on a page as it stands.

    Args:
        page: a page that is idle.
        baseline: what is Streamlit's own doing and not held against the page.

    Returns:
        For each broken rule its targets (CSS selectors), each with what is wrong and the HTML.
    """
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    known = baseline or {}
    found: dict[str, dict[str, str]] = {}
    for rule, nodes in page.evaluate(RUN, TAGS):
        for target, summary, html in nodes:
            if target not in known.get(rule, set()):
                found.setdefault(rule, {})[target] = f"{summary}\n{html}"
    return found


def targets(violations: dict[str, dict[str, str]]) -> Violations:
    """The part of a report that can be a baseline."""
    return {rule: set(nodes) for rule, nodes in violations.items()}
