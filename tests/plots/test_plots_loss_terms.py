"""The terms of a loss: figures of one image, and their curves over epochs."""

from __future__ import annotations

import json
from math import nan
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go
import pytest

from tsexplorer.analysis.loss_terms import GradientNorms, Gradients, LossSurface
from tsexplorer.plots.loss_terms import (
    TermCurve,
    gradient_figure,
    gradient_norm_figure,
    term_curves,
    terms_figure,
    terms_option,
)
from tsexplorer.plots.style import DARK, LIGHT, Palette

T_K = np.array([0.5, 5.0, 50.0])
SURFACE = LossSurface(
    temperatures_K=T_K,
    lambdas_L=np.array([0.25, 1.0]),
    labels=2.0,
    soft_K=np.array([4.0, 0.5, 1e-9]),
    scaled_K=np.array([1.0, 12.5, 2.5e-6]),
    total_LK=np.array([[1.25, 9.875, 0.5], [2.0, 2.0, 2.0]]),
)
NORMS = GradientNorms(T_K, np.array([0.4, 0.04, 4e-4]), np.array([0.1, 1.0, 1.0]), 1.5)
GRADIENTS = Gradients(
    labels_C=np.array([-0.8, 0.4, 0.4]),
    soft_C=np.array([0.01, -0.03, 0.02]),
    scaled_C=np.array([0.16, -0.48, 0.32]),
    total_C=np.array([-0.08, -0.26, 0.34]),
)


def values_by_name(figure: go.Figure) -> dict[str, list[float | None]]:
    return {trace.name: list(trace.y) for trace in figure.data}


# -- one image ----------------------------------------------------------------------------------


def test_terms_over_t_are_those_of_the_surface() -> None:
    figure = terms_figure(SURFACE, LIGHT)
    assert values_by_name(figure) == {
        "Labels: CE": [2, 2, 2],
        "KL": [4, 0.5, None],  # a rounding error of 0 has no place on a logarithmic axis
        "T² · KL": [1, 12.5, 2.5e-6],
        "Loss, λ = 0.25": [1.25, 9.875, 0.5],
        "Loss, λ = 1": [2, 2, 2],
    }
    assert all(list(trace.x) == T_K.tolist() for trace in figure.data)
    assert figure.layout.yaxis.title.text == "Term (nats)"
    assert all("nats" in trace.hovertemplate for trace in figure.data)


def test_losses_differ_in_their_dash() -> None:
    losses = terms_figure(SURFACE, LIGHT).data[3:]
    assert len({trace.line.dash for trace in losses}) == 2


def test_gradient_norms_over_t_without_and_with_t_squared() -> None:
    figure = gradient_norm_figure(NORMS, LIGHT)
    assert values_by_name(figure) == {
        "without T²": [0.4, 0.04, 4e-4],
        "with T²": [0.1, 1, 1],
        "limit of T² as T grows": [1.5] * 3,
    }
    assert figure.layout.yaxis.title.text == "Soft gradient (norm)"


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_both_axes_are_logarithmic_in_the_palettes_colours(palette: Palette) -> None:
    for figure in (terms_figure(SURFACE, palette), gradient_norm_figure(NORMS, palette)):
        assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"
        assert list(figure.layout.xaxis.tickvals) == [0.5, 1, 2, 5, 10, 20, 50]
        assert figure.layout.font.color == palette.text
    colours = [trace.line.color for trace in terms_figure(SURFACE, palette).data]
    assert colours[:4] == [palette.baseline, palette.teacher, palette.teacher, palette.distilled]


@pytest.mark.parametrize("count", [21, 40, 200])
def test_of_many_classes_the_largest_gradients_are_drawn(count: int) -> None:
    values = np.random.default_rng(0).normal(0, 1, count)
    values[20] = -50
    gradients = Gradients(values, values, values, values)
    names = [f"<b>{label} with a long name" for label in range(count)]
    labels, soft, total = gradient_figure(gradients, 0.5, names, LIGHT).data
    assert len(labels.x) == len(soft.y) == len(total.y) == 20
    assert min(total.y) == -50
    assert sorted(np.abs(total.y)) == sorted(np.sort(np.abs(values))[-20:])
    axis = gradient_figure(gradients, 0.5, names, LIGHT).layout.xaxis
    assert axis.title.text == f"Logit of (20 largest of {count} classes)"
    assert not set("".join(axis.ticktext)) & set("<>")
    assert "with a long name" in total.customdata[0][0]


def test_weighted_gradients_sum_to_that_of_the_loss() -> None:
    figure = gradient_figure(GRADIENTS, 0.25, ("cat", "dog", "eel"), LIGHT)
    labels, soft, total = figure.data
    assert (labels.name, soft.name, total.name) == ("λ · labels", "(1 − λ) · T² · soft", "Loss")
    assert list(labels.y) == pytest.approx([-0.2, 0.1, 0.1])
    assert list(soft.y) == pytest.approx([0.12, -0.36, 0.24])
    assert list(total.y) == [-0.08, -0.26, 0.34]
    assert np.add(labels.y, soft.y) == pytest.approx(total.y)
    assert list(figure.layout.xaxis.ticktext) == ["cat", "dog", "eel"]
    assert list(labels.x) == list(figure.layout.xaxis.tickvals) == [0, 1, 2]
    assert figure.layout.yaxis.title.text == "Gradient (nats per logit)"


def test_class_names_are_escaped() -> None:
    figure = gradient_figure(GRADIENTS, 0.25, ("<b>x</b>", "%{y}", "$a$"), LIGHT)
    assert not set("".join(figure.layout.xaxis.ticktext)) & set("<>%$")


# -- over epochs --------------------------------------------------------------------------------


class Row(NamedTuple):
    epoch: int
    terms: dict[str, float]


ROWS = [Row(1, {"labels": 2.0, "soft": 0.5}), Row(2, {"labels": 1.0, "soft": 0.75})]
CURVES = (TermCurve("labels", (1, 2), (2.0, 1.0)), TermCurve("soft", (1, 2), (0.5, 0.75)))


def test_each_term_is_a_curve_in_the_objectives_order() -> None:
    assert term_curves(ROWS) == CURVES
    assert term_curves([]) == ()
    assert term_curves([Row(1, {}), *ROWS[1:]])[0] == TermCurve("labels", (2,), (1.0,))


def test_shares_of_1_have_an_axis_of_their_own() -> None:
    option = terms_option(CURVES, (), "nats", LIGHT, 10)
    assert (option["yAxis"]["name"], option["yAxis"]["type"]) == ("Term (nats)", "log")
    assert [series["yAxisIndex"] for series in option["series"]] == [0, 0]
    option = terms_option(CURVES, ("soft",), "", LIGHT, 10)
    left, right = option["yAxis"]
    assert (left["name"], right["name"], right["type"]) == ("Term", "Share", "value")
    assert (right["min"], right["max"]) == (0, 1)
    assert [series["yAxisIndex"] for series in option["series"]] == [0, 1]
    assert option["series"][1]["data"] == [[1, 0.5], [2, 0.75]]


def test_a_diverged_run_leaves_a_gap_and_valid_json() -> None:
    diverged = term_curves([*ROWS, Row(3, {"labels": nan, "soft": 0.0})])
    option = terms_option(diverged, (), "nats", DARK, 10)
    assert option["series"][0]["data"][2] == [3, None]
    assert option["series"][1]["data"][2] == [3, None]  # 0 has no place on a logarithmic axis
    soft = terms_option(diverged, ("soft",), "nats", DARK, 10)["series"][1]
    assert soft["data"][2] == [3, 0.0]
    json.dumps(option, allow_nan=False)


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_terms_differ_in_their_symbol(palette: Palette) -> None:
    curves = [TermCurve(str(index), (1,), (1.0,)) for index in range(4)]
    series = terms_option(curves, (), "nats", palette, 5)["series"]
    assert len({one_series["symbol"] for one_series in series}) == len(curves)
