"""A recipe's figures as a table: published, those that ship, and those measured here."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from tsexplorer.analysis.bias import Rule
from tsexplorer.analysis.formatting import duration, points, with_interval
from tsexplorer.analysis.seed_statistics import Interval
from tsexplorer.data.registry import get_dataset
from tsexplorer.objectives import format_loss, get_objective
from tsexplorer.plots.compare import contest_figure
from tsexplorer.plots.never_seen import RULE_TITLES
from tsexplorer.published.comparison import BASELINE, Contest, contest
from tsexplorer.published.recipe_results import Measured, command
from tsexplorer.recipes import Recipe
from tsexplorer.specs import LABELS, ROLES, Role
from tsexplorer.ui.theme import escaped, palette, role_label

NONE = "–"
PAPER_RULE: Rule = "test"
OWN_RULE: Rule = "label-free"


def figures(recipe: Recipe, shipped: Measured | None, here: Measured | None, seeds: int) -> None:
    """A row a net and, where classes were left out, a row a rule for their bias.

    A column that would have nothing in it is left out.

    Args:
        recipe: whose.
        shipped: what comes with the app.
        here: what was trained by whoever uses this store.
        seeds: of the command beside it; one that gives what ships is shown if it has others.
    """
    own = {title: one for title, one in (("Ships", shipped), ("Trained here", here)) if one}
    published = ["Published"] if recipe.published else []
    if not published and not own:
        st.caption("No figures yet: neither published, nor shipped, nor trained here.")
        return
    rows = [["", *published, *own], ["---"] * (1 + len(published) + len(own))]
    both = list(own.values())
    for role in ROLES:
        said = [_published(recipe, role)] if published else []
        rows.append([role_label(role), *said, *_cells(recipe, role, both)])
    if recipe.spec.left_out:
        rows += _moved_rows(recipe, both)
    st.markdown(_table(rows))
    for words in (_split(recipe), _origin("Ships", shipped), _origin("Trained here", here)):
        if words:
            st.caption(words)
    for title, one in own.items():
        _contest(recipe, title, one)
    if shipped is not None and len(shipped.seeds) != seeds:
        st.caption("What ships comes again by:")
        st.code(command(recipe.name, len(shipped.seeds)), language=None, wrap_lines=True)


def _contest(recipe: Recipe, title: str, one: Measured) -> None:
    """All ways to teach side by side, where a recipe has several."""
    found = contest(recipe, one)
    if found is None:
        return
    st.markdown(f"**{title}: all {len(found.places)} students, the first on top**")
    st.plotly_chart(
        contest_figure(found.places, found.against, BASELINE, palette()),
        key=f"contest_{recipe.name}_{title}",
        config={"displayModeBar": False},
    )
    st.caption(" ".join(found.notes))
    with st.expander("Their figures and losses", icon=":material/table_rows:"):
        st.markdown(_table(_contest_rows(found)))
        st.markdown(_losses(recipe, found))


def _contest_rows(found: Contest) -> list[list[str]]:
    """A row a student: its accuracy, and the difference from what all are held against."""
    rows = [
        [
            escaped(one.title),
            _for_narrow(with_interval(one.accuracy).removesuffix(" %")),
            _for_narrow(points(one.difference)),
        ]
        for one in found.places
    ]
    head = ["", "Test (%)", f"Less {escaped(found.against)} (points)"]
    return [head, ["---"] * len(head), *rows]


def _for_narrow(figure: str) -> str:
    """A figure for a narrow column, broken before its interval and nowhere else."""
    return figure.replace("± ", "±\N{NO-BREAK SPACE}")


def _losses(recipe: Recipe, found: Contest) -> str:
    """By which loss each student learnt, as a list in markdown."""
    losses = {entry.title: format_loss(entry.spec) for entry in recipe.entries}
    losses[BASELINE] = get_objective(LABELS.name).format_convention(LABELS)
    titles = [one.title for one in found.places]
    return "\n".join(f"- **{escaped(title)}**: {escaped(losses[title])}" for title in titles)


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Markdown of a table; the second row divides head and body."""
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _published(recipe: Recipe, role: Role) -> str:
    if role not in recipe.published:
        return NONE
    accuracy = f"{recipe.published[role]:.2f} %"
    errors = recipe.published_errors.get(role)
    return accuracy if errors is None else f"{accuracy} ({errors:,} errors)"


def _cells(recipe: Recipe, role: Role, both: Sequence[Measured]) -> list[str]:
    """Accuracies; with counts of errors where the source counts them."""
    cells = []
    for one in both:
        words = with_interval(one.accuracy(role))
        if recipe.published_errors:
            words += f" ({_count(one.errors(role))} errors)"
        cells.append(words)
    return cells


def _moved_rows(recipe: Recipe, both: Sequence[Measured]) -> list[list[str]]:
    """What came of moved biases: chosen on test, as the source did, and without labels."""
    paper = recipe.published_biased
    said = NONE
    if paper is not None:
        said = f"{paper.errors:g} % errors"
        if paper.never_seen_right is not None:
            said += f", {paper.never_seen_right:g} % of the never seen right"
    return [
        [
            f"Distilled, bias moved: {RULE_TITLES[rule].lower()}",
            *([said if rule == PAPER_RULE else NONE] if recipe.published else []),
            *(_moved(one, rule) for one in both),
        ]
        for rule in (PAPER_RULE, OWN_RULE)
    ]


def _moved(one: Measured, rule: str) -> str:
    errors = one.moved(rule, "errors")
    if errors is None:  # nets were not asked: the page Never seen does
        return NONE
    right = with_interval(one.moved(rule, "never_seen_right"), 1)
    return f"{with_interval(errors)} errors, {right} of the never seen right"


def _split(recipe: Recipe) -> str:
    info = get_dataset(recipe.spec.data.name).info
    published = " Published figures are of the source’s own test images." * bool(recipe.published)
    return (
        f"Accuracy on test, {info.title} ({info.test:,} images); ± is the 95 % interval over seeds "
        f"(Student’s t).{published}"
    )


def _origin(title: str, one: Measured | None) -> str:
    if one is None:
        return ""
    seeds = [str(figures.seed) for figures in one.seeds]
    several = "s" * (len(seeds) > 1)
    took = f", {duration(one.total_seconds)} of training" if one.total_seconds else ""
    return escaped(
        f"{title}: seed{several} {', '.join(seeds)}, {one.machine}{took}, {one.last_date}."
    )


def _count(value: Interval | None) -> str:
    if value is None:
        return NONE
    mean = f"{value.mean:,.0f}" if value.mean.is_integer() else f"{value.mean:,.1f}"
    return mean if value.half is None else f"{mean} ± {value.half:,.1f}"
