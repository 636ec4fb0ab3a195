"""The loss of one image as figures: curves over T and bars by class are the tuples' numbers."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest

from tsexplorer.analysis.loss_terms import Gradients, Pull, Surface
from tsexplorer.plots.loss_terms import gradient_figure, pull_figure, terms_figure
from tsexplorer.plots.style import DARK, LIGHT, Palette

T_K = np.array([0.5, 5.0, 50.0])
SURFACE = Surface(
    temperatures_K=T_K,
    lambdas_L=np.array([0.25, 1.0]),
    labels=2.0,
    soft_K=np.array([4.0, 0.5, 1e-9]),
    restored_K=np.array([1.0, 12.5, 2.5e-6]),
    total_LK=np.array([[1.25, 9.875, 0.5], [2.0, 2.0, 2.0]]),
)
PULL = Pull(T_K, np.array([0.4, 0.04, 4e-4]), np.array([0.1, 1.0, 1.0]), 1.5)
GRADIENTS = Gradients(
    labels_C=np.array([-0.8, 0.4, 0.4]),
    soft_C=np.array([0.01, -0.03, 0.02]),
    restored_C=np.array([0.16, -0.48, 0.32]),
    total_C=np.array([-0.08, -0.26, 0.34]),
)


def lines(figure: go.Figure) -> dict[str, list[float | None]]:
    return {trace.name: list(trace.y) for trace in figure.data}


def test_terms_over_t_are_the_surfaces() -> None:
    figure = terms_figure(SURFACE, LIGHT)
    assert lines(figure) == {
        "Labels: CE": [2, 2, 2],
        "KL": [4, 0.5, None],  # as good as nothing, which a logarithmic axis has no place for
        "T² · KL": [1, 12.5, 2.5e-6],
        "Loss, λ = 0.25": [1.25, 9.875, 0.5],
        "Loss, λ = 1": [2, 2, 2],
    }
    assert all(list(trace.x) == T_K.tolist() for trace in figure.data)
    assert figure.layout.yaxis.title.text == "Term (nats)"
    assert all("nats" in trace.hovertemplate for trace in figure.data)


def test_losses_are_told_apart_by_their_dash() -> None:
    losses = terms_figure(SURFACE, LIGHT).data[3:]
    assert len({trace.line.dash for trace in losses}) == 2


def test_pull_over_t_with_and_without_t_squared() -> None:
    figure = pull_figure(PULL, LIGHT)
    assert lines(figure) == {
        "without T²": [0.4, 0.04, 4e-4],
        "with T²": [0.1, 1, 1],
        "limit of T² as T grows": [1.5] * 3,
    }
    assert figure.layout.yaxis.title.text == "Soft gradient (norm)"


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_both_axes_are_logarithmic_and_colours_are_the_palettes(palette: Palette) -> None:
    for figure in (terms_figure(SURFACE, palette), pull_figure(PULL, palette)):
        assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"
        assert list(figure.layout.xaxis.tickvals) == [0.5, 1, 2, 5, 10, 20, 50]
        assert figure.layout.font.color == palette.text
    colours = [trace.line.color for trace in terms_figure(SURFACE, palette).data]
    assert colours[:4] == [palette.baseline, palette.teacher, palette.teacher, palette.distilled]


def test_gradients_are_weighted_bars_that_sum_to_the_loss() -> None:
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


def test_class_names_are_a_persons_text() -> None:
    figure = gradient_figure(GRADIENTS, 0.25, ("<b>x</b>", "%{y}", "$a$"), LIGHT)
    assert not set("".join(figure.layout.xaxis.ticktext)) & set("<>%$")
