"""Logits with known softmax outputs, and helpers, for tests of losses.

Shape suffixes: B batch, C classes.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor

from tsexplorer.objectives import LossInputs, LossTerms, Objective

Rows = tuple[list[int], ...]

# Two images of three classes, both with label 0. At the temperature of the logits, the softmax of a
# row is proportional to the row.
STUDENT_ROWS: Rows = ([1, 1, 2], [2, 1, 1])
TEACHER_ROWS: Rows = ([1, 2, 1], [3, 1, 4])
LABELS_B = torch.tensor([0, 0])


def logits_of(rows: Rows, temperature: float = 1.0) -> Tensor:
    """Logits B×C whose softmax at ``temperature`` is proportional to the rows, in float64."""
    return temperature * torch.tensor(rows, dtype=torch.float64).log()


def terms_and_gradient(objective: Objective, inputs: LossInputs) -> tuple[LossTerms, Tensor]:
    """The loss, and the gradient B×C of its total with respect to the student's logits."""
    z_s_BC = inputs.z_s_BC.detach().clone().requires_grad_()
    terms = objective.loss(inputs._replace(z_s_BC=z_s_BC))
    (gradient_BC,) = torch.autograd.grad(terms.total, z_s_BC)
    return terms, gradient_BC


def without_layout(formula: str) -> str:
    """A formula in LaTeX without spaces, line breaks, alignment and bracket sizes."""
    layout = r"\\(small|big|begin\{aligned\}|end\{aligned\}|[ ,\\])|[&\s]|\{\}"
    return re.sub(layout, "", formula)
