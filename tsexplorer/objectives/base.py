"""What an objective is: a loss with named terms, and the text that explains it.

Shape suffixes here and in every objective: B batch, C classes; ``z_s_BC`` are the student's
logits, ``z_t_BC`` the teacher's. Losses use tensor methods alone, so that this package can be
listed and explained without importing torch, and so that they run unchanged under
``torch.func.vmap`` with T and lambda as tensors, one value a student.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from tsexplorer.specs import ObjectiveSpec

if TYPE_CHECKING:
    from torch import Tensor


class Terms(NamedTuple):
    """A loss and what it is made of.

    Attributes:
        total: scalar that is minimised, in nats.
        parts: the terms before their weights, by name, each a scalar in nats; plotted apart.
    """

    total: Tensor
    parts: dict[str, Tensor]


class Loss(NamedTuple):
    """Arguments of every loss, gathered so that a later objective can ask for more.

    Attributes:
        z_s_BC: student's logits.
        z_t_BC: teacher's logits, without gradient; None where there is no teacher.
        y_B: labels as int64.
        temperature: T > 0, a number or a 0-dim tensor.
        lam: lambda in 0...1, a number or a 0-dim tensor.
    """

    z_s_BC: Tensor
    z_t_BC: Tensor | None
    y_B: Tensor
    temperature: float | Tensor = 1.0
    lam: float | Tensor = 1.0

    @property
    def taught_BC(self) -> Tensor:
        """The teacher's logits.

        Raises:
            ValueError: there is no teacher.
        """
        if self.z_t_BC is None:
            raise ValueError("this objective learns from a teacher, and none was given")
        return self.z_t_BC


@dataclass(frozen=True)
class Objective:
    """One way to teach a student.

    Attributes:
        name: identifier in specs.
        title: name as people write it.
        summary: one sentence for a newcomer.
        source: where the formula comes from.
        convention: name of the loss convention that stands beside each number.
        uses_temperature: whether T takes part.
        uses_lambda: whether lambda takes part.
        needs_teacher: whether a teacher must be trained first.
        loss: the terms for one batch.
        latex: the formula, with T and lambda as given (numbers, or the symbols themselves).
    """

    name: str
    title: str
    summary: str
    source: str
    convention: str
    uses_temperature: bool
    uses_lambda: bool
    needs_teacher: bool
    loss: Callable[[Loss], Terms]
    latex: Callable[[str, str, str], str]

    @property
    def formula(self) -> str:
        """The formula in LaTeX, in symbols."""
        return self.latex("T", r"\lambda", r"(1-\lambda)")

    def formula_in_force(self, spec: ObjectiveSpec) -> str:
        """The formula in LaTeX, with the numbers of ``spec`` in it."""
        rest = format_number(round(1 - spec.lam, 6))
        return self.latex(format_number(spec.temperature), format_number(spec.lam), rest)


def format_number(value: float) -> str:
    """A number as short as it can be written.

    >>> format_number(4.0), format_number(0.25)
    ('4', '0.25')
    """
    return f"{value:.6g}"


def two_lines(labels: str, soft: str) -> str:
    """The sum of two terms in LaTeX, one a line: it must fit a phone."""
    return rf"\begin{{aligned}}L ={{}}& {labels}\\ &+ {soft}\end{{aligned}}"


def cross_entropy(z_BC: Tensor, y_B: Tensor) -> Tensor:
    """Cross-entropy of the labels under softmax(z), averaged over the batch, in nats."""
    return -z_BC.log_softmax(-1).gather(-1, y_B.unsqueeze(-1)).mean()


def soft_cross_entropy(z_t_BC: Tensor, z_s_BC: Tensor, temperature: float | Tensor) -> Tensor:
    """Cross-entropy of the teacher's soft targets under the student's, both at T, in nats."""
    p_BC = (z_t_BC / temperature).softmax(-1)
    return -(p_BC * (z_s_BC / temperature).log_softmax(-1)).sum(-1).mean()


def soft_divergence(z_t_BC: Tensor, z_s_BC: Tensor, temperature: float | Tensor) -> Tensor:
    """KL(softmax(z_t / T) || softmax(z_s / T)), summed over classes, batch mean, in nats."""
    log_p_BC = (z_t_BC / temperature).log_softmax(-1)
    log_q_BC = (z_s_BC / temperature).log_softmax(-1)
    return (log_p_BC.exp() * (log_p_BC - log_q_BC)).sum(-1).mean()
