"""Experiments side by side: points and curves, their figures, labels, and a comparison."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any

import plotly.graph_objects as go
import pytest

from tsexplorer.analysis.seed_statistics import Interval, RankedMethod
from tsexplorer.plots.compare import (
    DASHES,
    AccuracyCurve,
    AccuracyPoint,
    CostPoint,
    accuracy_figure,
    accuracy_point,
    comparison_figure,
    cost_figure,
    curves_figure,
    mean_curve,
    row_label,
)
from tsexplorer.plots.style import DARK, LIGHT, PLOTLY_SYMBOLS, Palette
from tsexplorer.specs import ROLES

POINTS = (
    AccuracyPoint("first", "teacher", 99.0, 0.1, 3),
    AccuracyPoint("first", "baseline", 97.0, 0.2, 3),
    AccuracyPoint("first", "distilled", 98.0, 0.3, 3),
    AccuracyPoint("second", "teacher", 98.5, None, 1),
    AccuracyPoint("second", "distilled", 97.5, None, 1),
)
CURVES = (
    AccuracyCurve("first", "teacher", (1, 2, 3), (90.0, 98.0, 99.0), 3),
    AccuracyCurve("first", "distilled", (1, 2, 3, 4), (80.0, 95.0, 96.5, 98.0), 3),
    AccuracyCurve("second", "distilled", (1,), (97.0,), 1),
)
COSTS = (
    CostPoint("first", "teacher", 61_514),
    CostPoint("first", "distilled", 50_890),
    CostPoint("second", "teacher", 0.213),
    CostPoint("second", "distilled", 0.0412),
)
MARKUP = "<b>x</b> %{y} &amp; $a$ <a href='https://example.org'>l</a> %{x:.3f}"


def figures(name: str) -> list[go.Figure]:
    """One figure of each kind, with all experiments under this name."""
    return [
        accuracy_figure([point._replace(experiment=name) for point in POINTS], LIGHT, "test"),
        curves_figure([curve._replace(experiment=name) for curve in CURVES], LIGHT),
        cost_figure([point._replace(experiment=name) for point in COSTS], LIGHT, "Parameters"),
    ]


def texts(value: Any) -> Iterator[str]:
    """All strings in a figure's traces."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts(item)


def traces(figure: go.Figure) -> list[dict[str, Any]]:
    return [trace.to_plotly_json() for trace in figure.data]


def curves_of(figure: go.Figure) -> list[dict[str, Any]]:
    """The traces with points; a trace without is an experiment's entry in the legend."""
    return [trace for trace in traces(figure) if list(trace["x"]) != [None]]


def trace_named(figure: go.Figure, name: str) -> dict[str, Any]:
    (trace,) = (trace for trace in traces(figure) if trace.get("name") == name)
    return trace


# -- points and curves --------------------------------------------------------------------------


def test_a_point_is_an_interval_in_percent() -> None:
    assert accuracy_point("mine", "teacher", Interval(0.5, 0.25, 4)) == AccuracyPoint(
        "mine", "teacher", 50, 25, 4
    )
    assert accuracy_point("mine", "baseline", Interval(0.75, None, 1)) == AccuracyPoint(
        "mine", "baseline", 75, None, 1
    )


def test_a_mean_curve_ends_with_the_shortest_curve() -> None:
    curves = [[0.5, 0.75, 1.0], [0.25, 0.5], [0.75, 1.0, 0.9, 0.8]]
    mean = mean_curve("mine", "distilled", curves)
    assert mean == AccuracyCurve("mine", "distilled", (1, 2), (50.0, 75.0), 3)


def test_a_mean_curve_without_epochs_is_empty() -> None:
    assert mean_curve("mine", "teacher", []) == AccuracyCurve("mine", "teacher", (), (), 0)
    assert mean_curve("mine", "teacher", [[0.5], []]).epochs == ()


# -- accuracies -------------------------------------------------------------------------------


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_accuracies_are_markers_with_intervals(palette: Palette) -> None:
    figure = accuracy_figure(POINTS, palette, "test")
    teacher = trace_named(figure, "Teacher")
    assert list(teacher["x"]) == [99.0, 98.5]
    assert list(teacher["y"]) == ["first", "second"]
    assert list(teacher["error_x"]["array"]) == [0.1, 0]
    assert [list(row) for row in teacher["customdata"]] == [[3], [1]]
    assert list(trace_named(figure, "Baseline")["y"]) == ["first"]
    assert list(trace_named(figure, "Distilled")["x"]) == [98.0, 97.5]
    for role, title in zip(ROLES, ("Teacher", "Baseline", "Distilled"), strict=True):
        marker = trace_named(figure, title)["marker"]
        assert (marker["color"], marker["symbol"]) == (palette[role], PLOTLY_SYMBOLS[role])


def test_a_bar_spans_the_accuracies_of_an_experiment() -> None:
    figure = accuracy_figure(POINTS, LIGHT, "test")
    bars = [trace for trace in traces(figure) if "name" not in trace]
    assert [(list(bar["x"]), list(bar["y"])) for bar in bars] == [
        ([97.0, 99.0], ["first", "first"]),
        ([97.5, 98.5], ["second", "second"]),
    ]
    assert {bar["hoverinfo"] for bar in bars} == {"skip"}


def test_the_axis_names_the_split() -> None:
    for split, title in (("test", "Test accuracy (%)"), ("validation", "Validation accuracy (%)")):
        assert accuracy_figure(POINTS, LIGHT, split).layout.xaxis.title.text == title


# -- curves -----------------------------------------------------------------------------------


def test_curves_are_in_the_panel_of_their_role() -> None:
    drawn = curves_of(curves_figure(CURVES, LIGHT))
    assert [(list(trace["x"]), list(trace["y"]), trace["xaxis"]) for trace in drawn] == [
        ([1, 2, 3], [90.0, 98.0, 99.0], "x"),
        ([1, 2, 3, 4], [80.0, 95.0, 96.5, 98.0], "x3"),
        ([1], [97.0], "x3"),
    ]
    assert [trace["line"]["color"] for trace in drawn] == [
        LIGHT.teacher,
        LIGHT.distilled,
        LIGHT.distilled,
    ]


def test_an_experiment_has_one_dash_in_all_panels() -> None:
    drawn = curves_of(curves_figure(CURVES, LIGHT))
    assert [trace["line"]["dash"] for trace in drawn] == [DASHES[0], DASHES[0], DASHES[1]]
    assert len(set(DASHES)) == 6


def test_the_axis_leaves_out_the_start_of_long_runs() -> None:
    """As on the page Train; short runs are shown in full."""
    long = AccuracyCurve(
        "third", "teacher", (1, 2, 3, 4, 5, 6), (50.0, 90.0, 96.5, 98.0, 98.5, 99.0), 1
    )
    assert tuple(curves_figure([long], LIGHT).layout.yaxis.range) == (96.0, 100.2)
    low, _ = curves_figure(CURVES, LIGHT).layout.yaxis.range
    assert low <= min(value for curve in CURVES for value in curve.values) == 80.0
    assert curves_figure([], LIGHT).layout.yaxis.range is None


def test_each_experiment_is_in_the_legend_once_with_its_dash() -> None:
    """Also an experiment whose student is not trained yet."""
    curves = [
        *CURVES,
        AccuracyCurve("third", "teacher", (1, 2), (50.0, 60.0), 1),
        AccuracyCurve("third", "baseline", (1,), (50.0,), 1),
    ]
    entries = [
        trace for trace in traces(curves_figure(curves, LIGHT)) if trace.get("showlegend", True)
    ]
    assert [(trace["name"], trace["line"]["dash"]) for trace in entries] == [
        ("first", DASHES[0]),
        ("second", DASHES[1]),
        ("third", DASHES[2]),
    ]


# -- costs ------------------------------------------------------------------------------------


def test_costs_are_markers_with_their_value() -> None:
    figure = cost_figure(COSTS, LIGHT, "Parameters")
    teacher, student = trace_named(figure, "Teacher"), trace_named(figure, "Student")
    assert list(teacher["x"]) == [61_514, 0.213]
    assert list(teacher["y"]) == ["first", "second"]
    assert list(teacher["text"]) == ["61,514", "0.213"]
    assert list(student["x"]) == [50_890, 0.0412]
    assert list(student["text"]) == ["50,890", "0.0412"]
    assert teacher["marker"]["color"] == LIGHT.teacher
    assert student["marker"]["color"] == LIGHT.distilled


def test_the_logarithmic_axis_shows_all_costs() -> None:
    axis = cost_figure(COSTS, LIGHT, "Parameters").layout.xaxis
    assert axis.title.text == "Parameters"
    assert axis.type == "log"
    low, high = (10**end for end in axis.range)
    assert low < 0.0412
    assert high > 61_514


# -- names --------------------------------------------------------------------------------------


def test_names_are_escaped_in_all_figures() -> None:
    """Plotly interprets tags, entities, templates and formulas in all its texts."""
    for figure in figures(MARKUP):
        drawn = list(texts(traces(figure)))
        assert any("&#60;b&#62;x" in text for text in drawn)
        for text in drawn:
            name = text.replace("<br>", "").replace("<extra></extra>", "")
            assert not any(part in name for part in ("<", ">", "&amp;", "$", "%{x:.3f}", "%{y} "))


@pytest.mark.parametrize("name", ["2020-01-01", "2020", "1e3", "true"])
def test_names_like_dates_or_numbers_stay_names(name: str) -> None:
    accuracies, _, costs = figures(name)
    assert accuracies.layout.yaxis.type == costs.layout.yaxis.type == "category"
    assert set(traces(accuracies)[0]["y"]) == {name}


def test_long_names_are_broken_into_short_lines() -> None:
    lines = row_label("mlp-64 from wu-cnn, mnist-5k, hinton, T 4, λ 0 #3fa2 <b>" + "x" * 30).split(
        "<br>"
    )
    assert len(lines) > 2
    assert all(len(html.unescape(line)) <= 22 for line in lines)
    assert html.unescape("".join(lines)).replace(" ", "").endswith("<b>" + "x" * 30)


@pytest.mark.parametrize(
    ("first", "second"),
    [("run 1", "run  1"), (" run", "run"), ("x" * 22 + " y", "x" * 22 + "y"), ("\u2003", "  ")],
)
def test_different_names_have_different_rows(first: str, second: str) -> None:
    points = [POINTS[0]._replace(experiment=first), POINTS[3]._replace(experiment=second)]
    assert len(set(trace_named(accuracy_figure(points, LIGHT, "test"), "Teacher")["y"])) == 2
    costs = [COSTS[0]._replace(experiment=first), COSTS[2]._replace(experiment=second)]
    assert len(set(trace_named(cost_figure(costs, LIGHT, "Parameters"), "Teacher")["y"])) == 2


# -- layout -----------------------------------------------------------------------------------


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_text_and_grid_have_the_palettes_colours(palette: Palette) -> None:
    for figure in (
        accuracy_figure(POINTS, palette, "test"),
        curves_figure(CURVES, palette),
        cost_figure(COSTS, palette, "Parameters"),
    ):
        assert figure.layout.font.color == palette.text
        assert figure.layout.xaxis.gridcolor == figure.layout.yaxis.gridcolor == palette.grid


def test_without_experiments_figures_are_empty() -> None:
    for figure in (accuracy_figure([], LIGHT, "test"), curves_figure([], LIGHT)):
        assert all(not trace.get("x") for trace in traces(figure))


def test_peers_are_thin_and_in_the_panel_of_their_student() -> None:
    peer = CURVES[1]._replace(peer="peer 1", values=(70.0, 90.0, 95.0, 97.0))
    figure = curves_figure([*CURVES, peer], LIGHT)
    student, thin = (
        next(trace for trace in figure.data if trace.y == curve.values)
        for curve in (CURVES[1], peer)
    )
    assert (thin.xaxis, thin.line.color, thin.line.dash) == (
        student.xaxis,
        student.line.color,
        student.line.dash,
    )
    assert thin.line.width < student.line.width
    assert thin.opacity < student.opacity
    assert "peer 1" in thin.hovertemplate
    assert "peer" not in student.hovertemplate


# -- a comparison -------------------------------------------------------------------------------


def test_a_comparison_has_a_row_for_each_student() -> None:
    students = [
        RankedMethod(
            "a <b>", Interval(0.98, 0.001, 3), Interval(0.03, 0.01, 3), "better", tied=True
        ),
        RankedMethod("b", Interval(0.96, 0.001, 3), Interval(0.01, None, 3), "open", tied=False),
        RankedMethod("labels", Interval(0.95, 0.001, 3), None, "open", tied=False),
    ]
    figure = comparison_figure(students, "labels", "labels", LIGHT)
    tied, behind = figure.data
    assert list(tied.x) == pytest.approx([3])
    assert list(behind.x) == pytest.approx([1, 0])
    assert list(tied.error_x.array) == pytest.approx([1])
    assert list(behind.error_x.array) == [0, 0]
    assert list(behind.marker.color) == [LIGHT.distilled, LIGHT.baseline]
    assert all(symbol.endswith("-open") for symbol in behind.marker.symbol)
    assert list(figure.layout.yaxis.categoryarray) == ["a &#60;b&#62;", "b", "labels"]
    assert figure.layout.xaxis.title.text == "Test accuracy less labels (points)"
