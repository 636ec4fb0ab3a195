"""The README's tables hold the figures that ship, to the last digit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tsexplorer.analysis.gain import Interval
from tsexplorer.analysis.words import points, with_interval
from tsexplorer.assets import RESULTS
from tsexplorer.recipes import get_recipe
from tsexplorer.results.contest import contest
from tsexplorer.results.shipped import shipped
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
    assert has_row(*map(percent, accuracies))
    if recipe.published_errors:
        errors = [one for role in ROLES if (one := found.errors(role)) is not None]
        assert has_row(*map(count, errors))


def test_a_figure_that_is_off_is_not_found() -> None:
    assert has_row("99.33", "98.54", "99.26")
    assert not has_row("99.33", "98.54", "99.27")
    assert not has_row("98.54", "99.33")
    assert points(Interval(-0.001, 0.0005, 3)) == "−0.10 ± 0.05"
