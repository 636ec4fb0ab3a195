"""Figures of moved biases: every number that is drawn, and classes told apart without colour."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tsexplorer.plots.never_seen import Curve, Mark, errors_figure, recall_figure
from tsexplorer.plots.style import DARK, LIGHT

CURVE = Curve(np.array([-1.0, 0.0, 4.0]), np.array([300, 200, 0]), 1000)
MARKS = (Mark("none", 0.0, 200), Mark("label-free", 4.0, 0))


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_errors_marks_and_the_bias_in_force(palette):
    figure = errors_figure(CURVE, MARKS, 2.5, {"teacher": 50}, palette)
    drawn = {trace.name: trace for trace in figure.data}
    assert list(drawn) == ["Teacher: 50", "Distilled", "As trained", "Label-free rule"]
    assert list(drawn["Distilled"].y) == [300, 200, 0.5]  # none, on a logarithmic axis
    assert [row[0] for row in drawn["Distilled"].customdata] == [300, 200, 0]
    assert drawn["As trained"].marker.symbol != drawn["Label-free rule"].marker.symbol
    assert figure.layout.shapes[0].x0 == 2.5
    low, high = (10**end for end in figure.layout.yaxis.range)
    assert low < 0.5
    assert high > 300
    assert not any(math.isnan(value) for value in figure.layout.yaxis.tickvals)


def test_never_seen_classes_have_a_pattern_and_bold_names():
    recall = {"distilled": np.array([1.0, 0.5, np.nan]), "baseline": np.array([0.9, 0.8, 0.7])}
    figure = recall_figure(recall, ["T-shirt", "<b>", "Coat"], {1}, LIGHT)
    seen, never, baseline = figure.data
    assert (list(seen.x), list(never.x)) == ([0, 2], [1])
    assert (list(never.y), seen.y[0]) == ([50], 100)
    assert never.marker.pattern.shape == "/"
    assert seen.marker.pattern.shape == ""
    assert list(baseline.y) == pytest.approx([90, 80, 70])
    assert list(figure.layout.xaxis.ticktext) == ["T-shirt", "<b>&#60;b&#62;</b>", "Coat"]
