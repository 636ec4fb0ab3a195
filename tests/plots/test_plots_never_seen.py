"""Figures of shifted biases: errors over the bias, and recall by class."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tsexplorer.plots.never_seen import BiasCurve, BiasMark, errors_figure, recall_figure
from tsexplorer.plots.style import DARK, LIGHT, Palette
from tsexplorer.specs import Role

CURVE = BiasCurve(np.array([-1.0, 0.0, 4.0]), np.array([300, 200, 0]), 1000)
MARKS = (BiasMark("none", 0.0, 200), BiasMark("label-free", 4.0, 0))


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_errors_over_the_bias_with_the_rules_choices(palette: Palette) -> None:
    figure = errors_figure(CURVE, MARKS, 2.5, {"teacher": 50}, palette)
    traces = {trace.name: trace for trace in figure.data}
    assert list(traces) == ["Teacher: 50", "Distilled", "As trained", "Label-free rule"]
    assert list(traces["Distilled"].y) == [300, 200, 0.5]  # 0 on a logarithmic axis
    assert [row[0] for row in traces["Distilled"].customdata] == [300, 200, 0]
    assert traces["As trained"].marker.symbol != traces["Label-free rule"].marker.symbol
    assert figure.layout.shapes[0].x0 == 2.5
    low, high = (10**end for end in figure.layout.yaxis.range)
    assert low < 0.5
    assert high > 300
    assert not any(math.isnan(value) for value in figure.layout.yaxis.tickvals)


def test_never_seen_classes_have_a_pattern_and_bold_names() -> None:
    recall: dict[Role, np.ndarray] = {
        "distilled": np.array([1.0, 0.5, np.nan]),
        "baseline": np.array([0.9, 0.8, 0.7]),
    }
    figure = recall_figure(recall, ["T-shirt", "<b>", "Coat"], {1}, LIGHT)
    seen, never, baseline = figure.data
    assert (list(seen.x), list(never.x)) == ([0, 2], [1])
    assert (list(never.y), seen.y[0]) == ([50], 100)
    assert never.marker.pattern.shape == "/"
    assert seen.marker.pattern.shape == ""
    assert list(baseline.y) == pytest.approx([90, 80, 70])
    assert list(figure.layout.xaxis.ticktext) == ["T-shirt", "<b>&#60;b&#62;</b>", "Coat"]


def test_of_many_classes_those_never_seen_and_the_worst_are_drawn() -> None:
    recall = np.linspace(0.5, 1, 200)
    recall[0] = np.nan
    names = ["n" * 300, *(f"a class with a long name, {label}" for label in range(1, 200))]
    figure = recall_figure({"distilled": recall, "teacher": recall}, names, {150, 199}, LIGHT)
    seen, never, teacher = figure.data
    assert (len(seen.x), list(never.x), len(teacher.x)) == (18, [18, 19], 20)
    assert list(seen.y) == pytest.approx(100 * recall[1:19])
    assert "20 of 200" in figure.layout.xaxis.title.text
    assert len(set(figure.layout.xaxis.ticktext)) == 20
    assert never.customdata[1][0] == "a class with a long name, 199"
