from __future__ import annotations

import numpy as np
import pytest

from tsexplorer.plots.soft_targets import distributions_figure
from tsexplorer.plots.style import DARK, LIGHT

SHARES = {"teacher": np.array([0.9, 0.1]), "distilled": np.array([0.25, 0.75])}


def test_a_bar_a_class_and_net_in_percent() -> None:
    figure = distributions_figure(SHARES, ("a", "b"), LIGHT)  # type: ignore[arg-type]
    assert [bars.name for bars in figure.data] == ["Teacher", "Distilled"]
    assert list(figure.data[0].x) == pytest.approx([90, 10])
    assert list(figure.data[1].y) == ["a", "b"]
    assert figure.data[1].marker.color == LIGHT.distilled
    assert "%" in figure.layout.xaxis.title.text


def test_figures_do_not_share_their_numbers() -> None:
    first = distributions_figure(SHARES, ("a", "b"), LIGHT)  # type: ignore[arg-type]
    other = {role: shares[::-1] for role, shares in SHARES.items()}
    second = distributions_figure(other, ("a", "b"), LIGHT)  # type: ignore[arg-type]
    assert list(first.data[0].x) == pytest.approx([90, 10])
    assert list(second.data[0].x) == pytest.approx([10, 90])
    dark = distributions_figure(SHARES, ("a", "b"), DARK)  # type: ignore[arg-type]
    assert dark.data[0].marker.color == DARK.teacher


def test_names_of_classes_are_no_markup() -> None:
    figure = distributions_figure(SHARES, ("<b>", "%{x}"), LIGHT)  # type: ignore[arg-type]
    assert "<" not in figure.data[0].y[0]
    assert "%" not in figure.data[0].y[1]
