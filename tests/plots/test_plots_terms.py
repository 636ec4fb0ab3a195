"""Terms of a loss over epochs: the lines, their axes, and that they wear no role's colour."""

from __future__ import annotations

import json
from math import nan
from typing import NamedTuple

import pytest

from tests.plots.test_plots_palette import contrast, theme
from tsexplorer.plots.loss_terms import Term, terms, terms_option
from tsexplorer.plots.style import DARK, LIGHT, Palette
from tsexplorer.specs import ROLES


class Row(NamedTuple):
    epoch: int
    terms: dict[str, float]


ROWS = [Row(1, {"labels": 2.0, "told": 0.5}), Row(2, {"labels": 1.0, "told": 0.75})]
LINES = (Term("labels", (1, 2), (2.0, 1.0)), Term("told", (1, 2), (0.5, 0.75)))


def test_each_term_is_a_line_in_the_objectives_order() -> None:
    assert terms(ROWS) == LINES
    assert terms([]) == ()
    assert terms([Row(1, {}), *ROWS[1:]])[0] == Term("labels", (2,), (1.0,))


def test_terms_share_one_axis_and_shares_of_one_have_their_own() -> None:
    option = terms_option(LINES, (), "nats", LIGHT, 10)
    assert (option["yAxis"]["name"], option["yAxis"]["type"]) == ("Term (nats)", "log")
    assert [one["yAxisIndex"] for one in option["series"]] == [0, 0]
    option = terms_option(LINES, ("told",), "", LIGHT, 10)
    left, right = option["yAxis"]
    assert (left["name"], right["name"], right["type"]) == ("Term", "Share", "value")
    assert (right["min"], right["max"]) == (0, 1)
    assert [one["yAxisIndex"] for one in option["series"]] == [0, 1]
    assert option["series"][1]["data"] == [[1, 0.5], [2, 0.75]]


def test_a_run_that_diverged_leaves_a_gap_and_the_option_stays_json() -> None:
    lost = terms([*ROWS, Row(3, {"labels": nan, "told": 0.0})])
    option = terms_option(lost, (), "nats", DARK, 10)
    assert option["series"][0]["data"][2] == [3, None]
    assert option["series"][1]["data"][2] == [3, None]  # 0 has no place on a logarithmic axis
    assert terms_option(lost, ("told",), "nats", DARK, 10)["series"][1]["data"][2] == [3, 0.0]
    json.dumps(option, allow_nan=False)


@pytest.mark.parametrize(("name", "palette"), [("light", LIGHT), ("dark", DARK)])
def test_terms_stand_out_and_are_taken_for_no_role(name: str, palette: Palette) -> None:
    assert set(palette.terms).isdisjoint(palette[role] for role in ROLES)
    assert len(set(palette.terms)) == len(palette.terms)
    for colour in palette.terms:
        assert contrast(colour, theme(name)["backgroundColor"]) >= 3  # type: ignore[arg-type]
    many = [Term(str(place), (1,), (1.0,)) for place in range(4)]
    series = terms_option(many, (), "nats", palette, 5)["series"]
    assert len({one["symbol"] for one in series}) == len(many)  # told apart without colour, too
