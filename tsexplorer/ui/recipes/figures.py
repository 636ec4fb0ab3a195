"""The figures of a recipe: published ones, those that ship, and those measured here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from tsexplorer.analysis.bias import BiasRule
from tsexplorer.analysis.formatting import duration, points, with_interval
from tsexplorer.analysis.seed_statistics import Interval
from tsexplorer.data.registry import get_dataset
from tsexplorer.objectives import format_loss, get_objective
from tsexplorer.plots.compare import LabelPoint, comparison_figure, label_figure
from tsexplorer.plots.never_seen import RULE_TITLES
from tsexplorer.published.comparison import BASELINE, Comparison, compare_students, varies_labels
from tsexplorer.published.recipe_results import RecipeResults, run_command
from tsexplorer.recipes import Recipe
from tsexplorer.specs import LABELS, ROLES, Role
from tsexplorer.ui.recipes.overview import NO_VALUE
from tsexplorer.ui.theme import escaped, palette, role_label

PAPER_RULE: BiasRule = "test"
"""The rule by which the published bias was chosen."""
OWN_RULE: BiasRule = "label-free"
SHIPPED_TITLE = "Shipped"
OWN_TITLE = "Trained here"


def show_figures(
    recipe: Recipe, shipped: RecipeResults | None, own: RecipeResults | None, seeds: int
) -> None:
    """Draw a table with a row for each net and, for excluded classes, for each rule of the bias.

    Columns without figures are left out.

    Args:
        recipe: the recipe.
        shipped: the results that are part of the app.
        own: the results of the user's store.
        seeds: number of seeds of the command on the card. If the shipped figures have another
            number, the command that reproduces them is shown, too.
    """
    titled = ((SHIPPED_TITLE, shipped), (OWN_TITLE, own))
    results = {title: column for title, column in titled if column}
    if not recipe.published and not results:
        st.caption("No figures yet: neither published, nor shipped, nor trained here.")
        return
    st.markdown(_table(_rows(recipe, results)))
    st.caption(_conventions(recipe))
    for title, column in results.items():
        st.caption(_origin(title, column))
    for title, column in results.items():
        _show_comparison(recipe, title, column)
    if shipped is not None and len(shipped.seeds) != seeds:
        st.caption("To reproduce the shipped figures:")
        st.code(run_command(recipe.name, len(shipped.seeds)), language=None, wrap_lines=True)


def _rows(recipe: Recipe, results: Mapping[str, RecipeResults]) -> list[list[str]]:
    head = ["", *["Published"] * bool(recipe.published), *results]
    rows = [head, ["---"] * len(head)]
    columns = list(results.values())
    for role in ROLES:
        published = [_published_accuracy(recipe, role)] if recipe.published else []
        measured = [_accuracy(recipe, role, column) for column in columns]
        rows.append([role_label(role), *published, *measured])
    if recipe.spec.left_out:
        rows += _shifted_bias_rows(recipe, columns)
    return rows


def _published_accuracy(recipe: Recipe, role: Role) -> str:
    if role not in recipe.published:
        return NO_VALUE
    accuracy = f"{recipe.published[role]:.2f} %"
    errors = recipe.published_errors.get(role)
    return accuracy if errors is None else f"{accuracy} ({errors:,} errors)"


def _accuracy(recipe: Recipe, role: Role, results: RecipeResults) -> str:
    """Return a mean accuracy, with the number of errors if the source gives numbers of errors."""
    accuracy = with_interval(results.accuracy(role))
    if recipe.published_errors:
        accuracy += f" ({_count(results.errors(role))} errors)"
    return accuracy


def _shifted_bias_rows(recipe: Recipe, columns: Sequence[RecipeResults]) -> list[list[str]]:
    """Return a row for the bias chosen on test, as in the source, and one without labels."""
    paper = recipe.published_biased
    published = NO_VALUE
    if paper is not None:
        published = f"{paper.errors:g} % errors"
        if paper.never_seen_right is not None:
            published += f", {paper.never_seen_right:g} % of the never seen right"
    return [
        [
            f"Distilled, bias moved: {RULE_TITLES[rule].lower()}",
            *([published if rule == PAPER_RULE else NO_VALUE] if recipe.published else []),
            *(_shifted_bias_scores(column, rule) for column in columns),
        ]
        for rule in (PAPER_RULE, OWN_RULE)
    ]


def _shifted_bias_scores(results: RecipeResults, rule: BiasRule) -> str:
    errors = results.shifted_bias(rule, "errors")
    if errors is None:  # own results have none: the page Never seen computes them
        return NO_VALUE
    right = with_interval(results.shifted_bias(rule, "never_seen_right"), 1)
    return f"{with_interval(errors)} errors, {right} of the never seen right"


def _conventions(recipe: Recipe) -> str:
    info = get_dataset(recipe.spec.data.name).info
    published = " Published figures are of the source’s own test images." * bool(recipe.published)
    return (
        f"Test accuracy, {info.title} ({info.test:,} images); ± is the 95 % interval over seeds "
        f"(Student’s t).{published}"
    )


def _origin(title: str, results: RecipeResults) -> str:
    """Return seeds, machine, training time and date of measured figures."""
    seeds = [str(result.seed) for result in results.seeds]
    plural = "s" * (len(seeds) > 1)
    total = results.total_seconds
    time = f", {duration(total)} of training" if total else ""
    return escaped(
        f"{title}: seed{plural} {', '.join(seeds)}, {results.machine}{time}, {results.last_date}."
    )


def _show_comparison(recipe: Recipe, title: str, results: RecipeResults) -> None:
    """Draw all students of a recipe side by side, or over the labels, if it has rivals."""
    if varies_labels(recipe):
        _show_label_curve(recipe, title, results)
        return
    comparison = compare_students(recipe, results)
    if comparison is None:
        return
    students = comparison.places
    st.markdown(f"**{title}: all {len(students)} students, best first**")
    st.plotly_chart(
        comparison_figure(students, comparison.against, BASELINE, palette()),
        key=f"contest_{recipe.name}_{title}",
        config={"displayModeBar": False},
    )
    st.caption(" ".join(comparison.notes))
    with st.expander("Their figures and losses", icon=":material/table_rows:"):
        st.markdown(_table(_comparison_rows(comparison)))
        st.markdown(_losses(recipe, comparison))


def _show_label_curve(recipe: Recipe, title: str, results: RecipeResults) -> None:
    """Draw accuracy against the number of labels of baseline and student."""
    images = get_dataset(recipe.spec.data.name).info.train
    points = [
        LabelPoint(role, round(experiment.spec.label_share * images), accuracy)
        for experiment in (results, *results.rivals)
        for role in ROLES
        if (accuracy := experiment.accuracy(role)) is not None
    ]
    st.markdown(f"**{title}: accuracy against labels**")
    st.plotly_chart(
        label_figure(points, palette(), "test"),
        key=f"labels_{recipe.name}_{title}",
        config={"displayModeBar": False},
        alt="Test accuracy of teacher, baseline and distilled student against the number of labels",
    )
    st.caption(
        "Test split; error bars are 95 % intervals over seeds (Student’s t). The teacher has all "
        f"labels. {escaped(format_loss(recipe.spec).rpartition(', ')[0])}."
    )


def _comparison_rows(comparison: Comparison) -> list[list[str]]:
    """Return a row for each student: its accuracy, and its difference from the reference."""
    rows = [
        [
            escaped(student.title),
            _keep_interval_together(with_interval(student.accuracy).removesuffix(" %")),
            _keep_interval_together(points(student.difference)),
        ]
        for student in comparison.places
    ]
    head = ["", "Test (%)", f"Difference from {escaped(comparison.against)} (points)"]
    return [head, ["---"] * len(head), *rows]


def _keep_interval_together(figure: str) -> str:
    """Return a figure that breaks before its interval only, for a narrow column."""
    return figure.replace("± ", "±\N{NO-BREAK SPACE}")


def _losses(recipe: Recipe, comparison: Comparison) -> str:
    """Return the loss of each student, as a list in markdown."""
    losses = {entry.title: format_loss(entry.spec) for entry in recipe.entries}
    losses[BASELINE] = get_objective(LABELS.name).format_convention(LABELS)
    titles = [student.title for student in comparison.places]
    return "\n".join(f"- **{escaped(title)}**: {escaped(losses[title])}" for title in titles)


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Return a table in markdown; the second row separates head and body."""
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _count(value: Interval | None) -> str:
    if value is None:
        return NO_VALUE
    mean = f"{value.mean:,.0f}" if value.mean.is_integer() else f"{value.mean:,.1f}"
    return mean if value.half is None else f"{mean} ± {value.half:,.1f}"
