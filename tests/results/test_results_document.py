"""docs/results.md has the shipped figures, to the last digit; the README quotes rows from it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tsexplorer.analysis.formatting import NONE, duration, percent, points, with_interval
from tsexplorer.analysis.seed_statistics import Interval, gain, interval
from tsexplorer.assets import RESULTS
from tsexplorer.data.registry import get_dataset
from tsexplorer.objectives.base import format_number
from tsexplorer.published.comparison import Contest, contest, verdict_words
from tsexplorer.published.maps import shipped as shipped_map
from tsexplorer.published.maps import shipped_names
from tsexplorer.published.recipe_results import Measured, shipped
from tsexplorer.recipes import get_recipe, recipe_names
from tsexplorer.specs import ROLES
from tsexplorer.studies.grid_results import CellResult, Estimate

ROOT = Path(__file__).parents[2]
README, DOCUMENT = ROOT / "README.md", ROOT / "docs" / "results.md"
SHIPPED = sorted(file.stem for file in RESULTS.glob("*.json"))
COMPARISONS = [name for name in SHIPPED if get_recipe(name).rivals]
SINGLE = [name for name in SHIPPED if name not in COMPARISONS]
TIED = "not told apart"


def text() -> str:
    """The document with each run of blanks as one."""
    return " ".join(DOCUMENT.read_text("utf-8").split())


def rows(file: Path = DOCUMENT) -> list[str]:
    """The rows of all tables."""
    return re.findall(r"^\|.*\|$", file.read_text("utf-8"), re.MULTILINE)


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def measured(name: str) -> Measured:
    found = shipped(get_recipe(name))
    assert found is not None, "the file has other settings than the recipe"
    return found


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
    found = measured(name)
    closed = NONE
    if not found.spec.left_out:
        closed = with_interval(gain([one.accuracy for one in found.seeds]).gap, 0)
    return row(f"`{name}`", "measured", *(share(found.accuracy(role)) for role in ROLES), closed)


def provenance_row(name: str) -> str:
    found = measured(name)
    seeds = f"0 to {len(found.seeds) - 1}"
    assert [one.seed for one in found.seeds] == [*range(len(found.seeds))]
    return row(f"`{name}`", seeds, duration(found.total_seconds), found.last_date)


def errors_row(name: str) -> str:
    found = measured(name)
    return row(
        f"`{name}`", "measured", *(count(found.errors(role)) for role in ROLES), *moved(name)
    )


def moved(name: str) -> list[str]:
    """Errors after a change of the bias: chosen on test, and by the rule without labels."""
    found = measured(name)
    if not found.spec.left_out:
        return [NONE, NONE]
    images = get_dataset(found.spec.data.name).info.test
    cells = []
    for rule in ("test", "label-free"):
        wrong = found.moved(rule, "errors")
        assert wrong is not None
        assert wrong.half is not None
        cell = count(Interval(wrong.mean * images, wrong.half * images, wrong.n))
        if len(found.spec.left_out) == 1:
            cell += f"; {with_interval(found.moved(rule, 'never_seen_right'), 1)}"
        cells.append(cell)
    return cells


@pytest.mark.parametrize("name", SINGLE)
def test_recipe_figures_are_the_shipped_ones(name: str) -> None:
    assert figures_row(name) in rows()


@pytest.mark.parametrize("name", SHIPPED)
def test_seeds_time_and_date_are_those_of_the_file(name: str) -> None:
    assert provenance_row(name) in rows()
    assert measured(name).machine in text()


@pytest.mark.parametrize("name", [one for one in recipe_names() if get_recipe(one).published])
def test_published_figures_are_those_of_the_recipe(name: str) -> None:
    recipe = get_recipe(name)
    found = [one.split(" | ") for one in rows() if one.startswith(f"| `{name}` | published | ")]
    figures = [float(cell.replace(",", "")) for cell in found[0][2:5]]
    assert figures == list(recipe.published.values())
    if recipe.published_errors:
        errors = [int(cell.replace(",", "")) for cell in found[1][2:4]]
        assert errors == list(recipe.published_errors.values())[:2]
    if recipe.published_biased:
        wrong = f"{100 * recipe.published_biased.errors:,.0f}"
        assert found[1][5].split(";")[0] == wrong


@pytest.mark.parametrize("name", ["hinton-2015", "hinton-no-3", "hinton-7-8"])
def test_error_counts_are_the_shipped_ones(name: str) -> None:
    assert errors_row(name) in rows()


@pytest.mark.parametrize("name", ["never-seen-quick", "best-64-no-3"])
def test_recall_of_threes_is_the_shipped_one(name: str) -> None:
    for rule in ("none", "label-free"):
        assert with_interval(measured(name).moved(rule, "never_seen_right"), 1) in text()


def test_the_readme_quotes_rows_of_this_document() -> None:
    quoted = [one for one in rows(README) if " | measured | " in one or " | published | " in one]
    assert len(quoted) >= 5
    assert [one for one in quoted if one not in rows()] == []


def test_sentences_of_the_readme_agree_with_the_figures() -> None:
    readme = " ".join(README.read_text("utf-8").split())
    assert f"the students have {count(measured('hinton-2015').errors('distilled'))};" in readme
    assert f"{count(measured('mlp-800-best').errors('distilled'))} errors." in readme
    quoted = {one.split("`")[1] for one in rows(README) if " | measured | " in one}
    five = {name for name in quoted if len(measured(name).seeds) == 5}
    assert five == {"quick", "wu-2020", "best-64-plain", "best-64-jitter"}
    assert {len(measured(name).seeds) for name in quoted - five} == {3}


def test_figures_in_sentences_are_the_shipped_ones() -> None:
    best = measured("mlp-800-best")
    counts = [round(10_000 * (1 - one.accuracy["distilled"])) for one in best.seeds]
    listed = f"{counts[0]}, {counts[1]} and {counts[2]}"
    assert f"{count(best.errors('distilled'))} errors ({listed})" in text()
    assert f"first teacher has {count(best.errors('teacher'))}" in text()
    paper = measured("hinton-2015")
    counts = [round(10_000 * (1 - one.accuracy["distilled"])) for one in paper.seeds]
    assert f"{counts[0]}, {counts[1]} and {counts[2]} errors" in text()
    teachers = [round(10_000 * (1 - one.accuracy["teacher"])) for one in paper.seeds]
    assert f"| {', '.join(map(str, teachers))} | {', '.join(map(str, counts))} |" in text()
    assert f"{paper.total_seconds / 60:.0f} minutes of training" in text()
    threes = measured("hinton-no-3")
    assert f"{with_interval(threes.moved('none', 'never_seen_right'), 1)} of the threes" in text()
    bias = threes.moved("test", "bias")
    assert bias is not None
    assert f"mean bias of {bias.mean:.1f}" in text()


def test_jitter_closes_most_of_the_gap_of_best_64() -> None:
    plain, jitter, best = (
        100 * one.mean
        for name, role in (
            ("best-64-plain", "baseline"),
            ("best-64-jitter", "baseline"),
            ("best-64", "distilled"),
        )
        if (one := measured(name).accuracy(role)) is not None  # type: ignore[arg-type]
    )
    taught = measured("best-64-plain").accuracy("distilled")
    assert taught is not None
    assert f"({plain:.2f} → {jitter:.2f})" in text()
    assert f"({plain:.2f} → {100 * taught.mean:.2f})" in text()
    assert round((jitter - plain) / (best - plain), 1) == 0.9
    assert "nine tenths" in text()
    for one in measured("best-64-plain").seeds:
        assert one.accuracy["distilled"] > one.accuracy["baseline"]
    gap = gain([one.accuracy for one in measured("best-64-jitter").seeds]).gap
    assert gap is not None
    assert gap.low is not None
    assert gap.low < 0


# -- comparisons --------------------------------------------------------------------------------


def compared(name: str) -> Contest:
    found = contest(get_recipe(name), measured(name))
    assert found is not None
    return found


def comparison_table(name: str) -> list[str]:
    found = compared(name)
    against = "the baseline" if found.against == "baseline" else found.against
    head = ["student", "test accuracy (%)", f"less {against} (points)", f"against {against}"]
    return [
        row(*head, "against the first"),
        row(*["---"] * 5),
        *(
            row(
                one.title,
                share(one.accuracy),
                points(one.difference),
                verdict_words(one) or NONE,
                NONE if one is found.places[0] else TIED if one.tied else "worse",
            )
            for one in found.places
        ),
    ]


@pytest.mark.parametrize("name", COMPARISONS)
def test_comparison_tables_are_the_shipped_figures(name: str) -> None:
    assert "\n".join(comparison_table(name)) in DOCUMENT.read_text("utf-8")


def test_sentences_on_comparisons_agree_with_the_figures() -> None:
    verdicts = {one.title: one for one in compared("objectives-compared").places}
    better = [title for title, one in verdicts.items() if one.verdict == "better"]
    worse = [title for title, one in verdicts.items() if one.verdict == "worse"]
    assert (better, worse) == (["Relational KD"], ["Attention transfer"])
    assert len(verdicts) - 1 == 12
    assert pytest.approx(0.26, abs=0.005) == 1 - 0.975**12
    assert "about 26 %" in text()
    meal = {one.title: one for one in compared("meal-v2").places}
    assert meal["discriminator cooperative"].verdict == "open"
    assert meal["no discriminator"].tied
    assert not meal["discriminator adversarial"].tied
    assert all(one.verdict == "open" for one in compared("born-again").places)
    assert all(one.tied for one in compared("born-again").places)
    assert (
        f"(conv 8-16-16) under `wu-cnn` ({share(measured('fitnets-mnist').accuracy('teacher'))})"
        in text()
    )
    mutual = {one.title: one for one in compared("mutual-mnist").places}
    assert [title for title, one in mutual.items() if one.tied] == ["under the teacher"]


# -- maps ---------------------------------------------------------------------------------------


def map_table(name: str) -> list[str]:
    """Accuracy by λ and T; the chosen cell in bold, † where a cell may be the best, too."""
    found = shipped_map(name).figures
    spec, best = found.sweep.spec, found.map.best
    cells = {one.cell[:2]: one for one in found.map.cells}
    lines = [
        row("λ", *(f"T = {format_number(t)}" for t in spec.temperatures)),
        row(*["---"] * (1 + len(spec.temperatures))),
    ]
    for lam in spec.lambdas:
        line = [cells[t, lam] for t in spec.temperatures]
        if lam == 1 and spec.baseline_in_grid:
            blank = [""] * (len(line) - 1)
            lines.append(row("1 (labels)", cell_words(line[0], best), *blank).replace("|  ", "| "))
        else:
            lines.append(row(format_number(lam), *(cell_words(one, best) for one in line)))
    return lines


def cell_words(one: CellResult, best: object) -> str:
    words = accuracy_words(one.accuracy)
    if one.cell == best:
        return f"**{words}**"
    return f"{words} †" if one.may_be_best else words


def accuracy_words(one: Estimate) -> str:
    half = None if one.low is None else one.mean - one.low
    return share(Interval(one.mean, half, one.seeds))


def distinct(name: str) -> Iterator[CellResult]:
    """One cell of each training: the cells of λ = 1 are one."""
    found = shipped_map(name).figures
    seen = set()
    for one in found.map.cells:
        key = found.sweep.spec.student(one.cell, 0).hash
        if key not in seen:
            yield one
        seen.add(key)


def map_row(name: str) -> str:
    """Where a map comes from, and its chosen cell."""
    found = shipped_map(name)
    spec, chosen = found.figures.sweep.spec, found.figures.chosen
    assert chosen is not None
    cells = list(distinct(name))
    near = sum(one.may_be_best for one in cells) - 1
    return row(
        f"`{name}`",
        f"{len(spec.students)}",
        f"{spec.base.distilled_train.epochs}",
        f"T = {format_number(chosen.cell.temperature)}, λ = {format_number(chosen.cell.lam)}",
        accuracy_words(chosen.test),
        f"{near} of {len(cells) - 1}",
        found.machine,
        duration(found.seconds),
        found.date.isoformat(),
    )


@pytest.mark.parametrize("name", shipped_names())
def test_map_tables_are_the_shipped_figures(name: str) -> None:
    assert "\n".join(map_table(name)) in DOCUMENT.read_text("utf-8")
    assert map_row(name) in rows()
    assert list(shipped_map(name).figures.sweep.spec.seeds) == [0, 1, 2]


def test_sentences_on_the_map_quick_agree_with_its_figures() -> None:
    found = shipped_map("quick").figures
    near = [one for one in distinct("quick") if one.may_be_best and one.cell != found.map.best]
    others = len(list(distinct("quick"))) - 1
    assert f"{len(near)} of the other {others} settings cannot be told apart" in text()
    one = next(cell for cell in near if cell.cell[:2] == (4, 0.25))
    assert one.behind is not None
    assert (one.behind.low, round(500 * one.behind.mean)) == (None, 1)
    chosen = found.chosen
    assert chosen is not None
    assert f"{with_interval(Interval(chosen.test.mean, half(chosen.test), 3))} on test" in text()


def half(one: Estimate) -> float:
    assert one.low is not None
    return one.mean - one.low


def test_sentences_on_the_mnist_maps_agree_with_their_figures() -> None:
    wide = [one for one in distinct("hinton-300") if one.cell.temperature >= 4]
    means = [100 * one.accuracy.mean for one in wide if one.cell.lam == 0]
    assert f"between {min(means):.2f} and {max(means):.2f} %" in text()
    narrow = list(distinct("hinton-narrow"))
    worst = max(narrow, key=lambda one: one.behind.mean if one.behind else 0)
    assert worst.behind is not None
    assert f"up to {100 * worst.behind.mean:.1f} points" in text()
    assert worst.cell.temperature == 12
    assert [one.cell[:2] for one in narrow if not one.may_be_best] == [(6, 0)]
    soft = [100 * one.accuracy.mean for one in distinct("wu-mlp") if one.cell.lam == 0]
    assert soft == sorted(soft, reverse=True)


def test_no_low_t_beats_the_labels_of_the_narrow_net() -> None:
    found = shipped_map("hinton-narrow").figures
    spec = found.sweep.spec
    labels = {seed: spec.baseline(spec.rates[0], seed).hash for seed in spec.seeds}
    for cell in spec.cells:
        if cell.temperature <= 4 and cell.lam < 1:
            gains = [
                found.scores[spec.student(cell, seed).hash].accuracy - found.scores[key].accuracy
                for seed, key in labels.items()
            ]
            gain_over_labels = interval(gains)
            assert gain_over_labels is not None
            assert gain_over_labels.low is not None
            assert gain_over_labels.low < 0


def test_a_wrong_figure_is_noticed() -> None:
    assert row("`hinton-2015`", "published", "99.33", "98.54", "99.26", NONE) in rows()
    assert row("`hinton-2015`", "published", "99.33", "98.54", "99.27", NONE) not in rows()
    assert points(Interval(-0.001, 0.0005, 3)) == "−0.10 ± 0.05"
    assert percent(0.5) == "50.00 %"
