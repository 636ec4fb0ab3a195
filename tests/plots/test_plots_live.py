"""Live curves: the numbers that are drawn, and the option that draws them."""

from __future__ import annotations

import json
from math import inf, nan
from typing import NamedTuple, get_args

import pytest

from tsexplorer.plots.live import (
    AXES,
    Curve,
    Member,
    Metric,
    curves,
    live_option,
    lower_bound,
    members,
    start_hidden,
)
from tsexplorer.plots.style import DARK, ECHARTS_SYMBOLS, LIGHT, TITLES, Palette
from tsexplorer.specs import ROLES, Role

METRICS: tuple[Metric, ...] = get_args(Metric)


class Row(NamedTuple):
    epoch: int
    validation_accuracy: float = 0.9
    train_accuracy: float = 0.8
    validation_loss: float = 0.3
    train_loss: float = 0.2


Rows = dict[Role, list[Row]]


# -- numbers ----------------------------------------------------------------------------------


def test_accuracies_are_in_percent_and_losses_as_they_are() -> None:
    rows: Rows = {"teacher": [Row(1, 0.5, 0.25, 1.5, 2.5), Row(2, 0.987654321, 1.0, 0.125, 0.0625)]}
    values = {metric: curves(rows, metric)[0].values for metric in METRICS}
    assert values == {
        "validation_accuracy": (50.0, 98.76543),
        "train_accuracy": (25.0, 100.0),
        "validation_loss": (1.5, 0.125),
        "train_loss": (2.5, 0.0625),
    }


def test_roles_come_in_their_order_and_only_once_they_have_begun() -> None:
    rows: Rows = {"distilled": [Row(1)], "baseline": [], "teacher": [Row(1), Row(2), Row(3)]}
    found = curves(rows, "validation_accuracy")
    assert [(curve.role, curve.epochs) for curve in found] == [
        ("teacher", (1, 2, 3)),
        ("distilled", (1,)),
    ]
    assert curves({}, "train_loss") == ()


@pytest.mark.parametrize(
    ("lines", "bound"),
    [
        ([], None),
        # The first two epochs of six do not count: 97 - 0.1 · 1.5 = 96.85, a whole percent below.
        ([Curve("teacher", (1, 2, 3, 4, 5, 6), (40.0, 90.0, 97.0, 97.5, 98.0, 98.5))], 96.0),
        # All roles count: 80 - 0.1 · 18 = 78.2, the next tick below; they are five apart.
        (
            [
                Curve("teacher", (1, 2, 3), (50.0, 98.0, 98.0)),
                Curve("baseline", (1, 2, 3), (50.0, 80.0, 80.0)),
            ],
            75.0,
        ),
        # No more than a third is left out: all of two epochs are there, and two of three.
        ([Curve("teacher", (1,), (52.0,))], 50.0),
        ([Curve("teacher", (1, 2), (52.0, 71.5))], 50.0),
        ([Curve("teacher", (1, 2, 3), (5.0, 9.0, 0.0)), Curve("baseline", (1,), (60.0,))], 0.0),
    ],
)
def test_where_the_accuracy_axis_begins(lines: list[Curve], bound: float | None) -> None:
    assert lower_bound(lines, 30) == bound


def test_what_lies_below_the_axis_is_said() -> None:
    long = [Curve("teacher", (1, 2, 3, 4, 5, 6), (40.0, 90.0, 97.0, 97.5, 98.0, 98.5))]
    assert start_hidden(long, 30) == " The steep start lies below the accuracy axis."
    assert start_hidden([], 30) == ""


def test_a_short_run_is_shown_whole() -> None:
    lines = [Curve("distilled", (1, 2), (40.0, 88.0))]
    assert lower_bound(lines, 2) == 20.0  # 40 - 0.1 · 48 = 35.2, ticks 20 apart
    assert start_hidden(lines, 2) == ""
    axis = live_option(lines, "validation_accuracy", LIGHT, 2)["yAxis"]
    assert (axis["min"], axis["interval"]) == (20.0, 20.0)


ECHARTS_Z = 2
"""Of a series that does not say."""

# -- the option -------------------------------------------------------------------------------

LINES = (
    Curve("teacher", (1, 2, 3), (90.0, 95.0, 97.5)),
    Curve("distilled", (1, 2), (80.0, 91.25)),
)


def test_series_carry_the_numbers() -> None:
    series = live_option(LINES, "validation_accuracy", LIGHT, 10)["series"]
    assert [(one["name"], one["data"]) for one in series] == [
        ("Teacher", [[1, 90.0], [2, 95.0], [3, 97.5]]),
        ("Distilled", [[1, 80.0], [2, 91.25]]),
    ]


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_series_wear_their_roles_colour_and_mark(palette: Palette) -> None:
    lines = [Curve(role, (1,), (1.0,)) for role in ROLES]
    for role, one in zip(
        ROLES, live_option(lines, "train_loss", palette, 5)["series"], strict=True
    ):
        assert one["id"] == role
        assert one["name"] == TITLES[role]
        assert one["lineStyle"]["color"] == one["itemStyle"]["color"] == palette[role]
        assert one["symbol"] == ECHARTS_SYMBOLS[role]


@pytest.mark.parametrize("metric", METRICS)
def test_the_axes_are_named_and_bounded(metric: Metric) -> None:
    option = live_option(LINES, metric, LIGHT, 30)
    assert AXES[metric] in (option["yAxis"].get("name"), option.get("title", {}).get("text"))
    assert (option["xAxis"]["min"], option["xAxis"]["max"]) == (1, 30)
    if metric.endswith("accuracy"):
        assert (option["yAxis"]["min"], option["yAxis"]["max"]) == (75.0, 100)
        assert option["tooltip"]["valueFormatter"] % 97.5 == "97.50 %"
    else:
        assert "min" not in option["yAxis"]
        assert "max" not in option["yAxis"]
        assert option["tooltip"]["valueFormatter"] % 0.125 == "0.12"


def test_a_new_point_changes_the_data_and_nothing_else() -> None:
    """What stays the same lets the chart be updated in place, with its zoom and hover."""
    before = live_option(LINES, "train_loss", LIGHT, 10)
    longer = LINES[1]._replace(epochs=(1, 2, 3), values=(80.0, 91.25, 93.0))
    after = live_option((LINES[0], longer), "train_loss", LIGHT, 10)
    assert after["series"][1].pop("data") == [*before["series"][1].pop("data"), [3, 93.0]]
    assert after == before
    assert before["animation"] is False


def test_nothing_trained_yet_is_an_empty_chart_of_the_right_length() -> None:
    option = live_option((), "validation_accuracy", LIGHT, 1)
    assert option["series"] == []
    assert option["xAxis"]["max"] == 2
    assert option["yAxis"]["min"] == 0


def test_many_points_are_drawn_without_marks() -> None:
    for epochs, marked in ((40, True), (41, False)):
        numbers = tuple(range(1, epochs + 1))
        line = Curve("teacher", numbers, tuple(map(float, numbers)))
        assert live_option([line], "train_loss", LIGHT, 50)["series"][0]["showSymbol"] is marked


@pytest.mark.parametrize("metric", METRICS)
def test_the_option_is_json(metric: Metric) -> None:
    rows = {role: [Row(1), Row(2)] for role in ROLES}
    option = live_option(curves(rows, metric), metric, LIGHT, 5)
    assert json.loads(json.dumps(option, allow_nan=False)) == option


@pytest.mark.parametrize("lost", [nan, inf])
def test_a_run_that_diverged_leaves_a_gap_and_the_option_stays_json(lost: float) -> None:
    """JSON has neither NaN nor Infinity, and Streamlit refuses a chart that has them."""
    rows: Rows = {"teacher": [Row(1, train_loss=2.0), Row(2, train_loss=lost)]}
    option = live_option(curves(rows, "train_loss"), "train_loss", LIGHT, 5)
    assert option["series"][0]["data"] == [[1, 2.0], [2, None]]
    json.dumps(option, allow_nan=False)


# -- members ----------------------------------------------------------------------------------


class Trained(NamedTuple):
    epoch: int
    terms: dict[str, float]


TERMS = {f"peer {place}": f"peer {place}, validation accuracy" for place in range(1, 8)}


def test_members_are_those_there_are_in_percent() -> None:
    told = [{"labels": 2.0, TERMS["peer 1"]: 0.5, TERMS["peer 2"]: 0.123456789}, {"labels": 1.0}]
    rows = [Trained(1, told[0]), Trained(2, told[1]), Trained(3, {TERMS["peer 1"]: 0.75})]
    assert members(rows, TERMS) == (
        Member("Peer 1", (1, 3), (50.0, 75.0)),
        Member("Peer 2", (1,), (12.34568,)),
    )
    assert members(rows, {}) == members([], TERMS) == ()


def test_members_stand_beside_the_roles_and_count_for_the_axis() -> None:
    beside = [Member("Peer 1", (1, 2, 3), (10.0, 20.0, 62.5))]
    option = live_option(LINES, "validation_accuracy", LIGHT, 10, beside)
    names = [one["name"] for one in option["series"]]
    assert names == ["Teacher", "Distilled", "Peer 1"]
    drawn = [one.get("z", ECHARTS_Z) for one in option["series"]]
    assert drawn == [ECHARTS_Z, ECHARTS_Z, ECHARTS_Z - 1], "behind the roles"
    assert option["series"][2]["data"] == [[1, 10.0], [2, 20.0], [3, 62.5]]
    assert option["series"][2]["lineStyle"]["width"] < option["series"][0]["lineStyle"]["width"]
    assert (option["yAxis"]["min"], option["yAxis"]["interval"]) == (0.0, 20.0)
    assert option["legend"]["type"] == "plain"
    json.dumps(option, allow_nan=False)


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_many_members_are_told_apart_and_their_legend_stays_out_of_the_chart(
    palette: Palette,
) -> None:
    beside = [Member(f"Peer {place}", (1,), (1.0,)) for place in range(1, 8)]
    option = live_option(LINES, "validation_accuracy", palette, 10, beside)
    looks = [
        (one["lineStyle"]["color"], one["lineStyle"]["type"], one["symbol"])
        for one in option["series"]
    ]
    assert len(set(looks)) == len(looks)
    assert {look[0] for look in looks[2:]} == set(palette.terms)
    assert option["legend"]["type"] == "scroll"
