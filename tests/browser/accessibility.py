"""Accessibility violations of a page, found by axe-core; ``axe-playwright-python`` contains it."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# WCAG 2.2, levels A and AA. axe's "best practices" are stricter than any standard.
TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
OPTIONS = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}

# axe 4.12 reports areas that scroll by a pixel; later versions ignore up to 13 px.
SCROLLS = """
node => node.scrollWidth > node.clientWidth + 13 || node.scrollHeight > node.clientHeight + 13
"""

Violations = dict[str, set[str]]
"""Targets (CSS selectors) by the id of the rule that they break."""


def axe_violations(page: Page, baseline: Violations | None = None) -> dict[str, dict[str, str]]:
    """Run axe-core on a page.

    Args:
        page: an idle page.
        baseline: violations of Streamlit itself, which are left out.

    Returns:
        For each broken rule its targets (CSS selectors), each with the failure and its HTML.
    """
    excluded = baseline or {}
    violations: dict[str, dict[str, str]] = {}
    for rule in Axe().run(page, options=OPTIONS).response["violations"]:
        for node in rule["nodes"]:
            target = _selector(node["target"])
            is_excluded = target in excluded.get(rule["id"], set())
            if not is_excluded and rule["id"] == "scrollable-region-focusable":
                is_excluded = not page.locator(target).first.evaluate(SCROLLS)
            if not is_excluded:
                failure = f"{node['failureSummary']}\n{node['html']}"
                violations.setdefault(rule["id"], {})[target] = failure
    return violations


def targets(violations: dict[str, dict[str, str]]) -> Violations:
    """The part of a report that can be a baseline."""
    return {rule: set(nodes) for rule, nodes in violations.items()}


def _selector(target: list[Any]) -> str:
    """One selector from axe's target, whose items are lists inside a shadow root."""
    return " ".join(part if isinstance(part, str) else _selector(part) for part in target)
