"""Live curves: their values, the accuracy axis, and the option that draws them."""

from __future__ import annotations

import json
from math import inf, nan
from typing import NamedTuple, get_args

import pytest

from tsexplorer.plots.live import (
    AXES,
    MemberCurve,
    Metric,
    RoleCurve,
    hidden_start_note,
    live_option,
    lower_bound,
    member_curves,
    role_curves,
)
from tsexplorer.plots.style import DARK, ECHARTS_SYMBOLS, LIGHT, TITLES, Palette
from tsexplorer.specs import ROLES, Role

METRICS: tuple[Metric, ...] = get_args(Metric)
ECHARTS_Z = 2
"""Drawing order of a series that has none of its own."""


class Row(NamedTuple):
    epoch: int
    validation_accuracy: float = 0.9
    train_accuracy: float = 0.8
    validation_loss: float = 0.3
    train_loss: float = 0.2


Rows = dict[Role, list[Row]]


# -- curves -------------------------------------------------------------------------------------


def test_accuracies_are_in_percent_and_losses_unchanged() -> None:
    rows: Rows = {"teacher": [Row(1, 0.5, 0.25, 1.5, 2.5), Row(2, 0.987654321, 1.0, 0.125, 0.0625)]}
    values = {metric: role_curves(rows, metric)[0].values for metric in METRICS}
    assert values == {
        "validation_accuracy": (50.0, 98.76543),
        "train_accuracy": (25.0, 100.0),
        "validation_loss": (1.5, 0.125),
        "train_loss": (2.5, 0.0625),
    }


def test_curves_are_those_of_started_roles_in_order() -> None:
    rows: Rows = {"distilled": [Row(1)], "baseline": [], "teacher": [Row(1), Row(2), Row(3)]}
    curves = role_curves(rows, "validation_accuracy")
    assert [(curve.role, curve.epochs) for curve in curves] == [
        ("teacher", (1, 2, 3)),
        ("distilled", (1,)),
    ]
    assert role_curves({}, "train_loss") == ()


@pytest.mark.parametrize(
    ("curves", "bound"),
    [
        ([], None),
        # The first two epochs of six do not count: 97 - 0.1 · 1.5 = 96.85, the next tick below.
        ([RoleCurve("teacher", (1, 2, 3, 4, 5, 6), (40.0, 90.0, 97.0, 97.5, 98.0, 98.5))], 96.0),
        # All roles count: 80 - 0.1 · 18 = 78.2, the next tick below; ticks are 5 apart.
        (
            [
                RoleCurve("teacher", (1, 2, 3), (50.0, 98.0, 98.0)),
                RoleCurve("baseline", (1, 2, 3), (50.0, 80.0, 80.0)),
            ],
            75.0,
        ),
        # At most a third of the epochs is left out: none of two, one of three.
        ([RoleCurve("teacher", (1,), (52.0,))], 50.0),
        ([RoleCurve("teacher", (1, 2), (52.0, 71.5))], 50.0),
        (
            [
                RoleCurve("teacher", (1, 2, 3), (5.0, 9.0, 0.0)),
                RoleCurve("baseline", (1,), (60.0,)),
            ],
            0.0,
        ),
    ],
)
def test_the_lower_end_of_the_accuracy_axis(curves: list[RoleCurve], bound: float | None) -> None:
    assert lower_bound(curves, 30) == bound


def test_a_note_tells_that_values_are_below_the_axis() -> None:
    long = [RoleCurve("teacher", (1, 2, 3, 4, 5, 6), (40.0, 90.0, 97.0, 97.5, 98.0, 98.5))]
    assert hidden_start_note(long, 30) == " The first epochs are below the plotted range."
    assert hidden_start_note([], 30) == ""


def test_a_short_run_is_shown_in_full() -> None:
    curves = [RoleCurve("distilled", (1, 2), (40.0, 88.0))]
    assert lower_bound(curves, 2) == 20.0  # 40 - 0.1 · 48 = 35.2, ticks 20 apart
    assert hidden_start_note(curves, 2) == ""
    axis = live_option(curves, "validation_accuracy", LIGHT, 2)["yAxis"]
    assert (axis["min"], axis["interval"]) == (20.0, 20.0)


# -- the option ---------------------------------------------------------------------------------

CURVES = (
    RoleCurve("teacher", (1, 2, 3), (90.0, 95.0, 97.5)),
    RoleCurve("distilled", (1, 2), (80.0, 91.25)),
)


def test_series_have_the_values() -> None:
    series = live_option(CURVES, "validation_accuracy", LIGHT, 10)["series"]
    assert [(line["name"], line["data"]) for line in series] == [
        ("Teacher", [[1, 90.0], [2, 95.0], [3, 97.5]]),
        ("Distilled", [[1, 80.0], [2, 91.25]]),
    ]


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_series_have_their_roles_colour_and_symbol(palette: Palette) -> None:
    curves = [RoleCurve(role, (1,), (1.0,)) for role in ROLES]
    series = live_option(curves, "train_loss", palette, 5)["series"]
    for role, line in zip(ROLES, series, strict=True):
        assert line["id"] == role
        assert line["name"] == TITLES[role]
        assert line["lineStyle"]["color"] == line["itemStyle"]["color"] == palette[role]
        assert line["symbol"] == ECHARTS_SYMBOLS[role]


@pytest.mark.parametrize("metric", METRICS)
def test_axes_have_titles_and_limits(metric: Metric) -> None:
    option = live_option(CURVES, metric, LIGHT, 30)
    assert AXES[metric] in (option["yAxis"].get("name"), option.get("title", {}).get("text"))
    assert (option["xAxis"]["min"], option["xAxis"]["max"]) == (1, 30)
    if metric.endswith("accuracy"):
        assert (option["yAxis"]["min"], option["yAxis"]["max"]) == (75.0, 100)
        assert option["tooltip"]["valueFormatter"] % 97.5 == "97.50 %"
    else:
        assert "min" not in option["yAxis"]
        assert "max" not in option["yAxis"]
        assert option["tooltip"]["valueFormatter"] % 0.125 == "0.12"


def test_a_new_point_changes_only_the_data() -> None:
    """A chart whose option is otherwise equal is updated in place, with its zoom and hover."""
    before = live_option(CURVES, "train_loss", LIGHT, 10)
    longer = CURVES[1]._replace(epochs=(1, 2, 3), values=(80.0, 91.25, 93.0))
    after = live_option((CURVES[0], longer), "train_loss", LIGHT, 10)
    assert after["series"][1].pop("data") == [*before["series"][1].pop("data"), [3, 93.0]]
    assert after == before
    assert before["animation"] is False


def test_a_chart_without_epochs_has_its_final_length() -> None:
    option = live_option((), "validation_accuracy", LIGHT, 1)
    assert option["series"] == []
    assert option["xAxis"]["max"] == 2
    assert option["yAxis"]["min"] == 0


def test_curves_of_many_epochs_have_no_markers() -> None:
    for epochs, marked in ((40, True), (41, False)):
        numbers = tuple(range(1, epochs + 1))
        curve = RoleCurve("teacher", numbers, tuple(map(float, numbers)))
        assert live_option([curve], "train_loss", LIGHT, 50)["series"][0]["showSymbol"] is marked


@pytest.mark.parametrize("metric", METRICS)
def test_the_option_is_json(metric: Metric) -> None:
    rows = {role: [Row(1), Row(2)] for role in ROLES}
    option = live_option(role_curves(rows, metric), metric, LIGHT, 5)
    assert json.loads(json.dumps(option, allow_nan=False)) == option


@pytest.mark.parametrize("loss", [nan, inf])
def test_a_diverged_run_leaves_a_gap_and_valid_json(loss: float) -> None:
    """JSON has neither NaN nor Infinity, and Streamlit raises an error for them."""
    rows: Rows = {"teacher": [Row(1, train_loss=2.0), Row(2, train_loss=loss)]}
    option = live_option(role_curves(rows, "train_loss"), "train_loss", LIGHT, 5)
    assert option["series"][0]["data"] == [[1, 2.0], [2, None]]
    json.dumps(option, allow_nan=False)


# -- members ------------------------------------------------------------------------------------


class TermRow(NamedTuple):
    epoch: int
    terms: dict[str, float]


TERMS = {f"peer {index}": f"peer {index}, validation accuracy" for index in range(1, 8)}


def test_members_with_values_have_curves_in_percent() -> None:
    terms = [{"labels": 2.0, TERMS["peer 1"]: 0.5, TERMS["peer 2"]: 0.123456789}, {"labels": 1.0}]
    rows = [TermRow(1, terms[0]), TermRow(2, terms[1]), TermRow(3, {TERMS["peer 1"]: 0.75})]
    assert member_curves(rows, TERMS) == (
        MemberCurve("Peer 1", (1, 3), (50.0, 75.0)),
        MemberCurve("Peer 2", (1,), (12.34568,)),
    )
    assert member_curves(rows, {}) == member_curves([], TERMS) == ()


def test_members_are_behind_the_roles_and_count_for_the_axis() -> None:
    members = [MemberCurve("Peer 1", (1, 2, 3), (10.0, 20.0, 62.5))]
    option = live_option(CURVES, "validation_accuracy", LIGHT, 10, members)
    assert [line["name"] for line in option["series"]] == ["Teacher", "Distilled", "Peer 1"]
    order = [line.get("z", ECHARTS_Z) for line in option["series"]]
    assert order == [ECHARTS_Z, ECHARTS_Z, ECHARTS_Z - 1]
    assert option["series"][2]["data"] == [[1, 10.0], [2, 20.0], [3, 62.5]]
    assert option["series"][2]["lineStyle"]["width"] < option["series"][0]["lineStyle"]["width"]
    assert (option["yAxis"]["min"], option["yAxis"]["interval"]) == (0.0, 20.0)
    assert option["legend"]["type"] == "plain"
    json.dumps(option, allow_nan=False)


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_many_members_differ_and_their_legend_scrolls(palette: Palette) -> None:
    members = [MemberCurve(f"Peer {index}", (1,), (1.0,)) for index in range(1, 8)]
    option = live_option(CURVES, "validation_accuracy", palette, 10, members)
    styles = [
        (line["lineStyle"]["color"], line["lineStyle"]["type"], line["symbol"])
        for line in option["series"]
    ]
    assert len(set(styles)) == len(styles)
    assert {colour for colour, _, _ in styles[2:]} == set(palette.terms)
    assert option["legend"]["type"] == "scroll"
