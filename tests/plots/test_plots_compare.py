"""Experiments side by side: the tuples' numbers, that figures carry them, and names as typed."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any

import plotly.graph_objects as go
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsexplorer.analysis.seed_statistics import Interval
from tsexplorer.plots.compare import (
    DASHES,
    Cost,
    Dot,
    Line,
    accuracy_figure,
    cost_figure,
    curves_figure,
    dot,
    label,
    line,
    literal,
)
from tsexplorer.plots.style import DARK, LIGHT, PLOTLY_SYMBOLS, Palette
from tsexplorer.specs import ROLES

DOTS = (
    Dot("first", "teacher", 99.0, 0.1, 3),
    Dot("first", "baseline", 97.0, 0.2, 3),
    Dot("first", "distilled", 98.0, 0.3, 3),
    Dot("second", "teacher", 98.5, None, 1),
    Dot("second", "distilled", 97.5, None, 1),
)
LINES = (
    Line("first", "teacher", (1, 2, 3), (90.0, 98.0, 99.0), 3),
    Line("first", "distilled", (1, 2, 3, 4), (80.0, 95.0, 96.5, 98.0), 3),
    Line("second", "distilled", (1,), (97.0,), 1),
)
COSTS = (
    Cost("first", "teacher", 61_514),
    Cost("first", "distilled", 50_890),
    Cost("second", "teacher", 0.213),
    Cost("second", "distilled", 0.0412),
)
HOSTILE = "<b>x</b> %{y} &amp; $a$ <a href='https://example.org'>l</a> %{x:.3f}"


def figures(name: str) -> list[go.Figure]:
    """One of each, with an experiment of this name in it."""
    return [
        accuracy_figure([one._replace(experiment=name) for one in DOTS], LIGHT, "test"),
        curves_figure([one._replace(experiment=name) for one in LINES], LIGHT),
        cost_figure([one._replace(experiment=name) for one in COSTS], LIGHT, "Parameters"),
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
    found: list[dict[str, Any]] = [trace.to_plotly_json() for trace in figure.data]
    return found


def curves_of(figure: go.Figure) -> list[dict[str, Any]]:
    """Traces with points: those without stand for an experiment in the legend."""
    return [trace for trace in traces(figure) if list(trace["x"]) != [None]]


def named(figure: go.Figure, name: str) -> dict[str, Any]:
    (found,) = (trace for trace in traces(figure) if trace.get("name") == name)
    return found


# -- tuples -----------------------------------------------------------------------------------


def test_a_dot_is_an_interval_in_percent() -> None:
    assert dot("mine", "teacher", Interval(0.5, 0.25, 4)) == Dot("mine", "teacher", 50, 25, 4)
    assert dot("mine", "baseline", Interval(0.75, None, 1)) == Dot("mine", "baseline", 75, None, 1)


def test_a_line_is_the_mean_over_seeds_as_far_as_all_have_come() -> None:
    curves = [[0.5, 0.75, 1.0], [0.25, 0.5], [0.75, 1.0, 0.9, 0.8]]
    found = line("mine", "distilled", curves)
    assert found == Line("mine", "distilled", (1, 2), (50.0, 75.0), 3)


def test_a_line_of_seeds_that_have_not_begun_is_empty() -> None:
    assert line("mine", "teacher", []) == Line("mine", "teacher", (), (), 0)
    assert line("mine", "teacher", [[0.5], []]).epochs == ()


# -- accuracies -------------------------------------------------------------------------------


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_accuracies_are_dots_with_whiskers(palette: Palette) -> None:
    figure = accuracy_figure(DOTS, palette, "test")
    teacher = named(figure, "Teacher")
    assert list(teacher["x"]) == [99.0, 98.5]
    assert list(teacher["y"]) == ["first", "second"]
    assert list(teacher["error_x"]["array"]) == [0.1, 0]
    assert [list(row) for row in teacher["customdata"]] == [[3], [1]]
    assert list(named(figure, "Baseline")["y"]) == ["first"]
    assert list(named(figure, "Distilled")["x"]) == [98.0, 97.5]
    for role, title in zip(ROLES, ("Teacher", "Baseline", "Distilled"), strict=True):
        marker = named(figure, title)["marker"]
        assert (marker["color"], marker["symbol"]) == (palette[role], PLOTLY_SYMBOLS[role])


def test_a_bar_joins_the_lowest_and_the_highest_of_each_experiment() -> None:
    spans = [trace for trace in traces(accuracy_figure(DOTS, LIGHT, "test")) if "name" not in trace]
    assert [(list(span["x"]), list(span["y"])) for span in spans] == [
        ([97.0, 99.0], ["first", "first"]),
        ([97.5, 98.5], ["second", "second"]),
    ]
    assert {span["hoverinfo"] for span in spans} == {"skip"}


def test_the_split_is_named() -> None:
    for split, title in (("test", "Test accuracy (%)"), ("validation", "Validation accuracy (%)")):
        assert accuracy_figure(DOTS, LIGHT, split).layout.xaxis.title.text == title


# -- curves -----------------------------------------------------------------------------------


def test_curves_stand_in_the_panel_of_their_role() -> None:
    found = curves_of(curves_figure(LINES, LIGHT))
    assert [(list(trace["x"]), list(trace["y"]), trace["xaxis"]) for trace in found] == [
        ([1, 2, 3], [90.0, 98.0, 99.0], "x"),
        ([1, 2, 3, 4], [80.0, 95.0, 96.5, 98.0], "x3"),
        ([1], [97.0], "x3"),
    ]
    assert [trace["line"]["color"] for trace in found] == [
        LIGHT.teacher,
        LIGHT.distilled,
        LIGHT.distilled,
    ]


def test_an_experiment_keeps_its_dash_through_the_panels() -> None:
    found = curves_of(curves_figure(LINES, LIGHT))
    assert [trace["line"]["dash"] for trace in found] == [DASHES[0], DASHES[0], DASHES[1]]
    assert len(set(DASHES)) == 6


def test_the_axis_begins_where_curves_have_settled() -> None:
    """As on Train: short runs are shown whole, of long ones the steep start is left out."""
    long = Line("third", "teacher", (1, 2, 3, 4, 5, 6), (50.0, 90.0, 96.5, 98.0, 98.5, 99.0), 1)
    assert tuple(curves_figure([long], LIGHT).layout.yaxis.range) == (96.0, 100.2)
    low, _ = curves_figure(LINES, LIGHT).layout.yaxis.range
    assert low <= min(value for curve in LINES for value in curve.values) == 80.0
    assert curves_figure([], LIGHT).layout.yaxis.range is None


def test_each_experiment_is_in_the_legend_once_with_its_dash() -> None:
    """Also one of which only the teacher has been trained so far."""
    lines = [
        *LINES,
        Line("third", "teacher", (1, 2), (50.0, 60.0), 1),
        Line("third", "baseline", (1,), (50.0,), 1),
    ]
    found = traces(curves_figure(lines, LIGHT))
    shown = [trace for trace in found if trace.get("showlegend", True)]
    assert [(trace["name"], trace["line"]["dash"]) for trace in shown] == [
        ("first", DASHES[0]),
        ("second", DASHES[1]),
        ("third", DASHES[2]),
    ]


# -- costs ------------------------------------------------------------------------------------


def test_costs_are_dots_with_their_number_beside_them() -> None:
    figure = cost_figure(COSTS, LIGHT, "Parameters")
    teacher, student = named(figure, "Teacher"), named(figure, "Student")
    assert list(teacher["x"]) == [61_514, 0.213]
    assert list(teacher["y"]) == ["first", "second"]
    assert list(teacher["text"]) == ["61,514", "0.213"]
    assert list(student["x"]) == [50_890, 0.0412]
    assert list(student["text"]) == ["50,890", "0.0412"]
    assert teacher["marker"]["color"] == LIGHT.teacher
    assert student["marker"]["color"] == LIGHT.distilled


def test_a_logarithmic_axis_holds_all_costs() -> None:
    axis = cost_figure(COSTS, LIGHT, "Parameters").layout.xaxis
    assert axis.title.text == "Parameters"
    assert axis.type == "log"
    low, high = (10**end for end in axis.range)
    assert low < 0.0412
    assert high > 61_514


# -- names are a person's text ----------------------------------------------------------------


def test_figures_read_nothing_in_a_name() -> None:
    """Plotly reads tags, entities, templates and formulas wherever it draws text."""
    for figure in figures(HOSTILE):
        found = list(texts(traces(figure)))
        assert any("&#60;b&#62;x" in text for text in found)
        for text in found:
            own = text.replace("<br>", "").replace("<extra></extra>", "")
            assert not any(part in own for part in ("<", ">", "&amp;", "$", "%{x:.3f}", "%{y} "))


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=30))
def test_literal_text_reads_as_typed_and_holds_nothing_to_interpret(text: str) -> None:
    shown = literal(text)
    assert not set(shown) & set("<>%$")
    assert shown.count("&") == sum(text.count(letter) for letter in "&<>%$")
    back = shown
    for letter in "<>%$&":
        back = back.replace(f"&#{ord(letter)};", letter)
    assert back == text
    assert html.unescape(literal(HOSTILE)) == HOSTILE


@pytest.mark.parametrize("name", ["2020-01-01", "2020", "1e3", "true"])
def test_names_that_look_like_dates_or_numbers_stay_names(name: str) -> None:
    accuracies, _, costs = figures(name)
    assert accuracies.layout.yaxis.type == costs.layout.yaxis.type == "category"
    assert set(traces(accuracies)[0]["y"]) == {name}


def test_long_names_are_broken_into_short_lines() -> None:
    lines = label("mlp-64 from wu-cnn, mnist-5k, hinton, T 4, λ 0 #3fa2 <b>" + "x" * 30).split(
        "<br>"
    )
    assert len(lines) > 2
    assert all(len(html.unescape(one)) <= 22 for one in lines)
    assert html.unescape("".join(lines)).replace(" ", "").endswith("<b>" + "x" * 30)


@pytest.mark.parametrize(
    ("one", "other"),
    [("run 1", "run  1"), (" run", "run"), ("x" * 22 + " y", "x" * 22 + "y"), ("\u2003", "  ")],
)
def test_names_that_differ_have_rows_of_their_own(one: str, other: str) -> None:
    dots = [DOTS[0]._replace(experiment=one), DOTS[3]._replace(experiment=other)]
    assert len(set(named(accuracy_figure(dots, LIGHT, "test"), "Teacher")["y"])) == 2
    costs = [COSTS[0]._replace(experiment=one), COSTS[2]._replace(experiment=other)]
    assert len(set(named(cost_figure(costs, LIGHT, "Parameters"), "Teacher")["y"])) == 2


def test_names_of_plain_words_are_left_alone() -> None:
    assert literal("mlp-64 from wu-cnn, T 4, λ 0.5 #3fa2") == "mlp-64 from wu-cnn, T 4, λ 0.5 #3fa2"


# -- layout -----------------------------------------------------------------------------------


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_words_and_grids_have_the_palettes_colours(palette: Palette) -> None:
    for figure in (
        accuracy_figure(DOTS, palette, "test"),
        curves_figure(LINES, palette),
        cost_figure(COSTS, palette, "Parameters"),
    ):
        assert figure.layout.font.color == palette.text
        assert figure.layout.xaxis.gridcolor == figure.layout.yaxis.gridcolor == palette.grid


def test_nothing_to_compare_is_an_empty_figure() -> None:
    for figure in (accuracy_figure([], LIGHT, "test"), curves_figure([], LIGHT)):
        assert all(not trace.get("x") for trace in traces(figure))


def test_peers_are_thin_and_named_in_the_panel_of_their_student() -> None:
    peer = LINES[1]._replace(peer="peer 1", values=(70.0, 90.0, 95.0, 97.0))
    figure = curves_figure([*LINES, peer], LIGHT)
    student, thin = (
        next(trace for trace in figure.data if trace.y == one.values) for one in (LINES[1], peer)
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
