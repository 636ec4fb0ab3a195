"""docs/results.md has the figures of the files to the last digit; the README quotes its rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tsexplorer.analysis.formatting import NO_VALUE, duration, percent, points, with_interval
from tsexplorer.analysis.seed_statistics import Interval, gain, interval
from tsexplorer.assets import RESULTS
from tsexplorer.data.registry import get_dataset
from tsexplorer.objectives.base import format_number
from tsexplorer.published.comparison import (
    Comparison,
    compare_students,
    varies_labels,
    verdict_text,
)
from tsexplorer.published.maps import load_map, published_map_names
from tsexplorer.published.recipe_results import RecipeResults, load_results
from tsexplorer.recipes import get_recipe, recipe_names
from tsexplorer.specs import ROLES, Role
from tsexplorer.studies.grid_results import CellResult, Estimate
from tsexplorer.studies.student_stages import Cell

ROOT = Path(__file__).parents[2]
README, DOCUMENT = ROOT / "README.md", ROOT / "docs" / "results.md"
RECIPES = sorted(file.stem for file in RESULTS.glob("*.json"))
COMPARISONS = [
    name for name in RECIPES if get_recipe(name).rivals and not varies_labels(get_recipe(name))
]
SINGLE = [name for name in RECIPES if not get_recipe(name).rivals]
TIED = "not told apart"


def text() -> str:
    """The document, with one space for each run of white space."""
    return " ".join(DOCUMENT.read_text("utf-8").split())


def rows(file: Path = DOCUMENT) -> list[str]:
    """The rows of all tables."""
    return re.findall(r"^\|.*\|$", file.read_text("utf-8"), re.MULTILINE)


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def results_of(name: str) -> RecipeResults:
    results = load_results(get_recipe(name))
    assert results is not None, "the file has other settings than the recipe"
    return results


def share(value: Interval | None) -> str:
    """Percent without the sign, which is in the head of the table."""
    return with_interval(value).removesuffix(" %")


def count(value: Interval | None) -> str:
    """A number of images."""
    assert value is not None
    half = "" if value.half is None else f" ± {value.half:.0f}"
    return f"{value.mean:,.0f}{half}"


# -- recipes ------------------------------------------------------------------------------------


def figures_row(name: str) -> str:
    results = results_of(name)
    closed = NO_VALUE
    if not results.spec.left_out:
        closed = with_interval(gain([seed.accuracy for seed in results.seeds]).gap, 0)
    return row(f"`{name}`", "measured", *(share(results.accuracy(role)) for role in ROLES), closed)


def provenance_row(name: str) -> str:
    results = results_of(name)
    seeds = f"0 to {len(results.seeds) - 1}"
    assert [seed.seed for seed in results.seeds] == [*range(len(results.seeds))]
    return row(f"`{name}`", seeds, duration(results.total_seconds), results.last_date)


def errors_row(name: str) -> str:
    errors = (count(results_of(name).errors(role)) for role in ROLES)
    return row(f"`{name}`", "measured", *errors, *shifted_bias_cells(name))


def shifted_bias_cells(name: str) -> list[str]:
    """Errors with a shifted bias: chosen on test, and by the rule without labels."""
    results = results_of(name)
    if not results.spec.left_out:
        return [NO_VALUE, NO_VALUE]
    images = get_dataset(results.spec.data.name).info.test
    cells = []
    for rule in ("test", "label-free"):
        errors = results.shifted_bias(rule, "errors")
        assert errors is not None
        assert errors.half is not None
        cell = count(Interval(errors.mean * images, errors.half * images, errors.n))
        if len(results.spec.left_out) == 1:
            cell += f"; {with_interval(results.shifted_bias(rule, 'never_seen_right'), 1)}"
        cells.append(cell)
    return cells


@pytest.mark.parametrize("name", SINGLE)
def test_figures_of_recipes_are_those_of_the_files(name: str) -> None:
    assert figures_row(name) in rows()


@pytest.mark.parametrize("name", RECIPES)
def test_seeds_time_and_date_are_those_of_the_file(name: str) -> None:
    assert provenance_row(name) in rows()
    assert results_of(name).machine in text()


@pytest.mark.parametrize("name", [name for name in recipe_names() if get_recipe(name).published])
def test_published_figures_are_those_of_the_recipe(name: str) -> None:
    recipe = get_recipe(name)
    start = f"| `{name}` | published | "
    published = [line.split(" | ") for line in rows() if line.startswith(start)]
    figures = [float(cell.replace(",", "")) for cell in published[0][2:5]]
    assert figures == list(recipe.published.values())
    if recipe.published_errors:
        errors = [int(cell.replace(",", "")) for cell in published[1][2:4]]
        assert errors == list(recipe.published_errors.values())[:2]
    if recipe.published_biased:
        errors_with_bias = f"{100 * recipe.published_biased.errors:,.0f}"
        assert published[1][5].split(";")[0] == errors_with_bias


@pytest.mark.parametrize("name", ["hinton-2015", "hinton-no-3", "hinton-7-8"])
def test_error_counts_are_those_of_the_files(name: str) -> None:
    assert errors_row(name) in rows()


@pytest.mark.parametrize("name", ["never-seen-quick", "best-64-no-3"])
def test_recall_of_threes_is_that_of_the_files(name: str) -> None:
    for rule in ("none", "label-free"):
        assert with_interval(results_of(name).shifted_bias(rule, "never_seen_right"), 1) in text()


def test_the_readme_quotes_rows_of_this_document() -> None:
    quoted = [
        line for line in rows(README) if " | measured | " in line or " | published | " in line
    ]
    assert len(quoted) >= 5
    assert [line for line in quoted if line not in rows()] == []


def test_sentences_of_the_readme_agree_with_the_figures() -> None:
    readme = " ".join(README.read_text("utf-8").split())
    assert f"the students have {count(results_of('hinton-2015').errors('distilled'))};" in readme
    assert f"{count(results_of('mlp-800-best').errors('distilled'))} errors." in readme
    quoted = {line.split("`")[1] for line in rows(README) if " | measured | " in line}
    five_seeds = {name for name in quoted if len(results_of(name).seeds) == 5}
    assert five_seeds == {"quick", "wu-2020", "best-64-plain", "best-64-jitter"}
    assert {len(results_of(name).seeds) for name in quoted - five_seeds} == {3}


def error_counts(results: RecipeResults, role: Role) -> list[int]:
    """Wrongly classified images of the MNIST test split, by seed."""
    return [round(10_000 * (1 - seed.accuracy[role])) for seed in results.seeds]


def test_figures_in_sentences_are_those_of_the_files() -> None:
    best = results_of("mlp-800-best")
    first, second, third = error_counts(best, "distilled")
    errors = f"{count(best.errors('distilled'))} errors ({first}, {second} and {third})"
    assert errors in text()
    assert f"first teacher has {count(best.errors('teacher'))}" in text()
    hinton = results_of("hinton-2015")
    students, teachers = error_counts(hinton, "distilled"), error_counts(hinton, "teacher")
    assert f"{students[0]}, {students[1]} and {students[2]} errors" in text()
    assert f"| {', '.join(map(str, teachers))} | {', '.join(map(str, students))} |" in text()
    assert f"{hinton.total_seconds / 60:.0f} minutes of training" in text()
    no_threes = results_of("hinton-no-3")
    recall = with_interval(no_threes.shifted_bias("none", "never_seen_right"), 1)
    assert f"{recall} of the threes" in text()
    bias = no_threes.shifted_bias("test", "bias")
    assert bias is not None
    assert f"mean bias of {bias.mean:.1f}" in text()


def mean_percent(name: str, role: Role) -> float:
    accuracy = results_of(name).accuracy(role)
    assert accuracy is not None
    return 100 * accuracy.mean


def test_jitter_closes_most_of_the_gap_of_best_64() -> None:
    plain = mean_percent("best-64-plain", "baseline")
    jitter = mean_percent("best-64-jitter", "baseline")
    best = mean_percent("best-64", "distilled")
    assert f"({plain:.2f} → {jitter:.2f})" in text()
    assert f"({plain:.2f} → {mean_percent('best-64-plain', 'distilled'):.2f})" in text()
    assert round((jitter - plain) / (best - plain), 1) == 0.9
    assert "nine tenths" in text()
    for seed in results_of("best-64-plain").seeds:
        assert seed.accuracy["distilled"] > seed.accuracy["baseline"]
    gap = gain([seed.accuracy for seed in results_of("best-64-jitter").seeds]).gap
    assert gap is not None
    assert gap.low is not None
    assert gap.low < 0


# -- comparisons --------------------------------------------------------------------------------


def comparison_of(name: str) -> Comparison:
    comparison = compare_students(get_recipe(name), results_of(name))
    assert comparison is not None
    return comparison


def comparison_table(name: str) -> list[str]:
    comparison = comparison_of(name)
    first = comparison.places[0]
    against = "the baseline" if comparison.against == "baseline" else comparison.against
    head = ["student", "test accuracy (%)", f"less {against} (points)", f"against {against}"]
    return [
        row(*head, "against the first"),
        row(*["---"] * 5),
        *(
            row(
                student.title,
                share(student.accuracy),
                points(student.difference),
                verdict_text(student) or NO_VALUE,
                NO_VALUE if student is first else TIED if student.tied else "worse",
            )
            for student in comparison.places
        ),
    ]


@pytest.mark.parametrize("name", COMPARISONS)
def test_comparison_tables_are_those_of_the_files(name: str) -> None:
    assert "\n".join(comparison_table(name)) in DOCUMENT.read_text("utf-8")


def test_sentences_on_comparisons_agree_with_the_figures() -> None:
    objectives = comparison_of("objectives-compared").places
    better = [student.title for student in objectives if student.verdict == "better"]
    worse = [student.title for student in objectives if student.verdict == "worse"]
    assert (better, worse) == (["Relational KD"], ["Attention transfer"])
    assert len(objectives) - 1 == 12
    assert pytest.approx(0.26, abs=0.005) == 1 - 0.975**12
    assert "about 26 %" in text()
    meal = {student.title: student for student in comparison_of("meal-v2").places}
    assert meal["discriminator cooperative"].verdict == "open"
    assert meal["no discriminator"].tied
    assert not meal["discriminator adversarial"].tied
    born_again = comparison_of("born-again").places
    assert all(student.verdict == "open" and student.tied for student in born_again)
    teacher = share(results_of("fitnets-mnist").accuracy("teacher"))
    assert f"(conv 8-16-16) under `wu-cnn` ({teacher})" in text()
    mutual = comparison_of("mutual-mnist").places
    assert [student.title for student in mutual if student.tied] == ["under the teacher"]


# -- maps ---------------------------------------------------------------------------------------


def map_table(name: str) -> list[str]:
    """Accuracy by λ and T; the chosen cell in bold, † on other cells that may be the best."""
    results = load_map(name).results
    spec, best = results.sweep.spec, results.map.best
    cells = {result.cell[:2]: result for result in results.map.cells}
    lines = [
        row("λ", *(f"T = {format_number(t)}" for t in spec.temperatures)),
        row(*["---"] * (1 + len(spec.temperatures))),
    ]
    for lam in spec.lambdas:
        texts = [cell_text(cells[t, lam], best) for t in spec.temperatures]
        if lam == 1 and spec.baseline_in_grid:
            blank = [""] * (len(texts) - 1)
            lines.append(row("1 (labels)", texts[0], *blank).replace("|  ", "| "))
        else:
            lines.append(row(format_number(lam), *texts))
    return lines


def cell_text(result: CellResult, best: Cell | None) -> str:
    accuracy = estimate_text(result.accuracy)
    if result.cell == best:
        return f"**{accuracy}**"
    return f"{accuracy} †" if result.may_be_best else accuracy


def estimate_text(estimate: Estimate) -> str:
    half = None if estimate.low is None else estimate.mean - estimate.low
    return share(Interval(estimate.mean, half, estimate.seeds))


def distinct_cells(name: str) -> Iterator[CellResult]:
    """One cell for each training: all cells of λ = 1 are the same one."""
    results = load_map(name).results
    hashes = set()
    for result in results.map.cells:
        key = results.sweep.spec.student(result.cell, 0).hash
        if key not in hashes:
            yield result
        hashes.add(key)


def map_row(name: str) -> str:
    """The size and the origin of a map, and its chosen cell."""
    published = load_map(name)
    spec, chosen = published.results.sweep.spec, published.results.chosen
    assert chosen is not None
    cells = list(distinct_cells(name))
    near = sum(result.may_be_best for result in cells) - 1
    return row(
        f"`{name}`",
        f"{len(spec.students)}",
        f"{spec.base.distilled_train.epochs}",
        f"T = {format_number(chosen.cell.temperature)}, λ = {format_number(chosen.cell.lam)}",
        estimate_text(chosen.test),
        f"{near} of {len(cells) - 1}",
        published.machine,
        duration(published.seconds),
        published.date.isoformat(),
    )


@pytest.mark.parametrize("name", published_map_names())
def test_map_tables_are_those_of_the_files(name: str) -> None:
    assert "\n".join(map_table(name)) in DOCUMENT.read_text("utf-8")
    assert map_row(name) in rows()
    assert list(load_map(name).results.sweep.spec.seeds) == [0, 1, 2]


def test_sentences_on_the_map_quick_agree_with_its_figures() -> None:
    results = load_map("quick").results
    cells = list(distinct_cells("quick"))
    near = [cell for cell in cells if cell.may_be_best and cell.cell != results.map.best]
    assert f"{len(near)} of the other {len(cells) - 1} settings cannot be told apart" in text()
    second = next(result for result in near if result.cell[:2] == (4, 0.25))
    assert second.behind is not None
    assert (second.behind.low, round(500 * second.behind.mean)) == (None, 1)
    assert results.chosen is not None
    assert f"{estimate_text(results.chosen.test)} % on test" in text()


def test_sentences_on_the_mnist_maps_agree_with_their_figures() -> None:
    wide = [result for result in distinct_cells("hinton-300") if result.cell.temperature >= 4]
    means = [100 * result.accuracy.mean for result in wide if result.cell.lam == 0]
    assert f"between {min(means):.2f} and {max(means):.2f} %" in text()
    narrow = list(distinct_cells("hinton-narrow"))
    worst = max(narrow, key=lambda result: result.behind.mean if result.behind else 0)
    assert worst.behind is not None
    assert f"up to {100 * worst.behind.mean:.1f} points" in text()
    assert worst.cell.temperature == 12
    assert [result.cell[:2] for result in narrow if not result.may_be_best] == [(6, 0)]
    wu = [result for result in distinct_cells("wu-mlp") if result.cell.lam == 0]
    soft = [100 * result.accuracy.mean for result in wu]
    assert soft == sorted(soft, reverse=True)


def test_no_low_t_beats_the_baseline_of_the_narrow_net() -> None:
    results = load_map("hinton-narrow").results
    spec, scores = results.sweep.spec, results.scores
    baselines = {seed: spec.baseline(spec.rates[0], seed).hash for seed in spec.seeds}
    for cell in spec.cells:
        if cell.temperature <= 4 and cell.lam < 1:
            gains = [
                scores[spec.student(cell, seed).hash].accuracy - scores[key].accuracy
                for seed, key in baselines.items()
            ]
            gain_over_baseline = interval(gains)
            assert gain_over_baseline is not None
            assert gain_over_baseline.low is not None
            assert gain_over_baseline.low < 0


def test_a_wrong_figure_would_be_noticed() -> None:
    assert row("`hinton-2015`", "published", "99.33", "98.54", "99.26", NO_VALUE) in rows()
    assert row("`hinton-2015`", "published", "99.33", "98.54", "99.27", NO_VALUE) not in rows()
    assert points(Interval(-0.001, 0.0005, 3)) == "−0.10 ± 0.05"
    assert percent(0.5) == "50.00 %"
