"""Hidden layers of objectives: regressors between two layers."""

from __future__ import annotations

import pytest
import torch

from tsexplorer.objectives.feature_layers import build_regressor, regressor_size

SHAPES = [
    ((3, 8, 8), (5, 4, 4), (2, 5, 4, 4)),
    ((3, 4, 4), (5, 7, 7), (2, 5, 7, 7)),
    ((3, 4, 4), (5, 4, 4), (2, 5, 4, 4)),
    ((3, 4, 4), (6,), (2, 6)),
    ((7,), (5, 4, 4), (2, 80)),
]


@pytest.mark.parametrize(("student", "teacher", "output"), SHAPES)
def test_outputs_have_the_teachers_shape(
    student: tuple[int, ...], teacher: tuple[int, ...], output: tuple[int, ...]
) -> None:
    assert build_regressor(student, teacher)(torch.ones(2, *student)).shape == output


@pytest.mark.parametrize(("student", "teacher", "_output"), SHAPES)
def test_outputs_are_zero_at_first(
    student: tuple[int, ...], teacher: tuple[int, ...], _output: tuple[int, ...]
) -> None:
    assert not build_regressor(student, teacher)(torch.ones(2, *student)).any()


@pytest.mark.parametrize(("student", "teacher", "_output"), SHAPES)
def test_the_size_is_the_number_of_parameters(
    student: tuple[int, ...], teacher: tuple[int, ...], _output: tuple[int, ...]
) -> None:
    parameters = build_regressor(student, teacher).parameters()
    size = regressor_size(student, teacher)
    assert sum(parameter.numel() for parameter in parameters) == size
