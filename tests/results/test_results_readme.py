"""The README's tables hold the figures that ship, to the last digit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tsexplorer.analysis.formatting import points, with_interval
from tsexplorer.analysis.seed_statistics import Interval, gain
from tsexplorer.assets import RESULTS
from tsexplorer.data.registry import get_dataset
from tsexplorer.published.comparison import contest
from tsexplorer.published.recipe_results import Measured, shipped
from tsexplorer.recipes import get_recipe
from tsexplorer.specs import ROLES

README = Path(__file__).parents[2] / "README.md"
SHIPPED = sorted(file.stem for file in RESULTS.glob("*.json"))


def percent(one: Interval) -> str:
    """As the README writes it: the sign stands in the table's head."""
    return with_interval(one).removesuffix(" %")


def count(one: Interval) -> str:
    """A count of images."""
    half = "" if one.half is None else f" ± {one.half:.0f}"
    return f"{one.mean:,.0f}{half}"


def rows(text: str) -> list[str]:
    """The rows of all tables."""
    return re.findall(r"^\|.*\|$", text, re.MULTILINE)


def has_row(*cells: str) -> bool:
    """Whether some row of the README has all of these cells, in this order."""
    inner = r"[^\n]*\| ".join(re.escape(cell) for cell in cells)
    return any(re.search(rf"\| {inner}(?= \|)", row) for row in rows(README.read_text("utf-8")))


@pytest.mark.parametrize("name", SHIPPED)
def test_a_recipe_s_figures_are_in_the_readme(name: str) -> None:
    recipe = get_recipe(name)
    found = shipped(recipe)
    assert found is not None, "a file that ships is of other settings than the recipe's"
    if recipe.rivals:
        places = contest(recipe, found)
        assert places is not None
        for one in places.places:
            held = [] if one.difference is None else [points(one.difference)]
            assert has_row(percent(one.accuracy), *held), one.title
        return
    accuracies = [one for role in ROLES if (one := found.accuracy(role)) is not None]
    closed = [] if found.spec.left_out else [gap_of(found)]
    assert has_row(*map(percent, accuracies), *closed)
    if recipe.published_errors:
        errors = [one for role in ROLES if (one := found.errors(role)) is not None]
        assert has_row(*map(count, errors), *moved_of(found))


def gap_of(found: Measured) -> str:
    """Gap closed, as the README writes it."""
    closed = gain([one.accuracy for one in found.seeds]).gap
    assert closed is not None
    return with_interval(closed, 0)


def moved_of(found: Measured) -> list[str]:
    """Errors with the bias chosen on test, and by the rule without labels; none without any.

    With the share of one class's images that are right then; of several, errors alone.
    """
    if not found.spec.left_out:
        return []
    images = get_dataset(found.spec.data.name).info.test
    cells = []
    for rule in ("test", "label-free"):
        wrong = found.moved(rule, "errors")
        right = found.moved(rule, "never_seen_right")
        assert wrong is not None
        assert right is not None
        assert wrong.half is not None
        cell = count(Interval(wrong.mean * images, wrong.half * images, wrong.n))
        if len(found.spec.left_out) == 1:
            cell += f"; {with_interval(right, 1)}"
        cells.append(cell)
    return cells


@pytest.mark.parametrize("name", ["never-seen-quick", "best-64-no-3"])
def test_what_a_student_knows_of_threes_is_in_the_readme(name: str) -> None:
    found = shipped(get_recipe(name))
    assert found is not None
    text = " ".join(README.read_text("utf-8").split())
    for rule in ("none", "label-free"):
        assert with_interval(found.moved(rule, "never_seen_right"), 1) in text


def test_a_figure_that_is_off_is_not_found() -> None:
    assert has_row("99.33", "98.54", "99.26")
    assert not has_row("99.33", "98.54", "99.27")
    assert not has_row("98.54", "99.33")
    assert points(Interval(-0.001, 0.0005, 3)) == "−0.10 ± 0.05"
