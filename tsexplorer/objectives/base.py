"""What an objective is: a loss with named terms, and the text that explains it.

Shape suffixes here and in every objective: B batch, C classes; ``z_s_BC`` are the student's
logits, ``z_t_BC`` the teacher's. Losses use tensor methods alone, so that this package can be
listed and explained without importing torch, and so that they run unchanged under
``torch.func.vmap`` with T and lambda as tensors, one value a student.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from tsexplorer.objectives.options import Option, settings
from tsexplorer.planning import PretrainStage, TrainingPlan
from tsexplorer.specs import Combine, ModelSpec, ObjectiveSpec, Scalar

if TYPE_CHECKING:
    from torch import Tensor, nn

NOTHING: Mapping[str, Tensor] = MappingProxyType({})
NO_OPTIONS: Mapping[str, Scalar] = MappingProxyType({})


class Terms(NamedTuple):
    """A loss and what it is made of.

    Attributes:
        total: scalar that is minimised; in nats as far as its parts are.
        parts: the terms before their weights, by name, each a scalar in nats; plotted apart. Those
            that the objective lists as ``unitless`` are plain numbers, and those that it lists as
            ``shares`` are shares of 1 and no part of the loss.
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
        options: values in force of all that the objective describes.
        epoch: the epoch under way, from 1.
        epochs: how many there are.
        seen_s: outputs of the student's layers that the objective looks at, by name.
        seen_t: of the teacher's, without gradient.
        extra: asks the objective's own net, which is trained along.
        images: scaled, B×1×28×28, for an objective whose own net looks at them.
    """

    z_s_BC: Tensor
    z_t_BC: Tensor | None
    y_B: Tensor
    temperature: float | Tensor = 1.0
    lam: float | Tensor = 1.0
    options: Mapping[str, Scalar] = NO_OPTIONS
    epoch: int = 1
    epochs: int = 1
    student_features: Mapping[str, Tensor] = NOTHING
    teacher_features: Mapping[str, Tensor] = NOTHING
    extra: Callable[[Tensor], Tensor] | None = None
    images: Tensor | None = None

    def number(self, option: str) -> float:
        """The value of an option that is a number."""
        return float(self.options[option])

    @property
    def teacher_logits_BC(self) -> Tensor:
        """The teacher's logits.

        Raises:
            ValueError: there is no teacher.
        """
        if self.z_t_BC is None:
            raise ValueError("this objective learns from a teacher, and none was given")
        return self.z_t_BC


class Pair(NamedTuple):
    """The nets that an objective is to work on.

    Attributes:
        student: which learns.
        teacher: the first, where there are several; None where there is none.
        classes: how many.
        options: values in force.
    """

    student: ModelSpec
    teacher: ModelSpec | None
    classes: int
    options: Mapping[str, Scalar] = NO_OPTIONS


class LayerNames(NamedTuple):
    """Names of the layers whose outputs a loss looks at."""

    student: tuple[str, ...] = ()
    teacher: tuple[str, ...] = ()


def _no_looks(_pair: Pair) -> LayerNames:
    return LayerNames()


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
        options: parameters besides T and lambda, which describe themselves.
        looks: which layers the loss looks at; raises a ``UserError`` for a pair that it cannot
            work on. Cheap, and without torch.
        module: builds a net of the objective's own (a regressor, a discriminator) on the CPU,
            which is trained along with the student and is no part of it; the global random state
            is seeded before. None: there is none.
        first: the stage before the distilled one, which goes on from its weights; None: none.
        generations: how many students follow each other, each taught by the one before; None: one.
        counts: names of options that say how much is trained and are no part of the loss.
        shares: names of terms that are shares of 1, watched and no part of the loss.
        members: names of the nets in its own net, in their order, where that is a cohort which
            answers images; there may be fewer. Each is validated after each epoch, as the student
            is: a share of 1, which stands among the epoch's terms as :func:`validated` names it.
        unitless: names of terms that are plain numbers, not nats: a correlation, a distance.
        baseline_at_one: whether it is cross-entropy on the labels, and nothing else, at lambda = 1.
        combine: what of several teachers must be averaged for it; None: either will do.
        hears_all: whether further teachers count; not where it looks inside the first alone.
        pretrained: whether its student is meant to have learnt from labels before.
        part_of: the objective whose first stage this is; nobody chooses it by itself.
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
    options: tuple[Option, ...] = ()
    looks: Callable[[Pair], LayerNames] = _no_looks
    module: Callable[[Pair], nn.Module] | None = None
    first: Callable[[ObjectiveSpec], PretrainStage] | None = None
    generations: Callable[[ObjectiveSpec], int] | None = None
    counts: tuple[str, ...] = ()
    shares: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    unitless: tuple[str, ...] = ()
    baseline_at_one: bool = False
    combine: Combine | None = None
    supports_ensemble: bool = True
    pretrained: bool = False
    parent_objective: str = ""

    def settings(self, spec: ObjectiveSpec) -> dict[str, Scalar]:
        """The values in force of all options.

        Raises:
            UserError: one is unknown, or has a wrong value.
        """
        return settings(self.name, self.options, spec.options)

    def tidied(self, spec: ObjectiveSpec) -> ObjectiveSpec:
        """The same without options that are as they would be anyway, so that it hashes alike.

        Raises:
            UserError: an option is unknown, or has a wrong value.
        """
        usual = {option.name: option.default for option in self.options}
        told = {
            name: value
            for name, value in self.settings(spec).items()
            if value != usual[name] and name in spec.options
        }
        return spec if told == spec.options else spec.model_copy(update={"options": told})

    def asked(
        self, temperature: float, lam: float, options: Mapping[str, Scalar] = NO_OPTIONS
    ) -> ObjectiveSpec:
        """A spec of this objective; T is 1 and lambda 0 where they take no part.

        Raises:
            UserError: an option is unknown, or has a wrong value.
        """
        return self.tidied(
            ObjectiveSpec(
                name=self.name,
                temperature=temperature if self.uses_temperature else 1.0,
                lam=lam if self.uses_lambda else 0.0,
                options=dict(options),
            )
        )

    def told(self, spec: ObjectiveSpec) -> tuple[tuple[str, str], ...]:
        """Names and values of what decides the loss besides the defaults of its options.

        T and lambda come first, where they take part.
        """
        numbers = []
        if self.uses_temperature:
            numbers.append(("T", format_number(spec.temperature)))
        if self.uses_lambda:
            numbers.append(("λ", format_number(spec.lam)))
        options = self.tidied(spec).options
        words = ((name.replace("_", " "), format_scalar(one)) for name, one in options.items())
        return (*numbers, *words)

    def in_words(self, spec: ObjectiveSpec) -> str:
        """The convention with its numbers, as one phrase."""
        return self._phrase(self.told(spec))

    def convention_of(self, spec: ObjectiveSpec) -> str:
        """The same without T and lambda, of which a sweep has many."""
        return self._phrase(one for one in self.told(spec) if one[0] not in ("T", "λ"))

    def _phrase(self, numbers: Iterable[tuple[str, str]]) -> str:
        return ", ".join([self.convention, *(f"{name} = {value}" for name, value in numbers)])

    def course(self, spec: ObjectiveSpec) -> TrainingPlan:
        """What must be trained for it."""
        return TrainingPlan(
            needs_teacher=self.needs_teacher,
            first=None if self.first is None else self.first(spec),
            generations=1 if self.generations is None else self.generations(spec),
            new_seeds=self.generations is not None,
            counts=self.counts,
        )

    @property
    def stacks(self) -> bool:
        """Whether students that differ in T and lambda can train together.

        They can where the loss is a function of logits and labels.
        """
        inside = self.looks is not _no_looks or self.module is not None
        return not inside and self.one_stage

    @property
    def one_stage(self) -> bool:
        """Whether the distilled student is one stage, with none before it."""
        return self.first is None and self.generations is None

    @property
    def formula(self) -> str:
        """The formula in LaTeX, in symbols."""
        return self.latex("T", r"\lambda", r"(1-\lambda)")

    def formula_in_force(self, spec: ObjectiveSpec) -> str:
        """The formula in LaTeX, with the numbers of ``spec`` in it.

        Raises:
            UserError: an option is unknown, or has a wrong value.
        """
        rest = format_number(round(1 - spec.lam, 6))
        text = self.latex(format_number(spec.temperature), format_number(spec.lam), rest)
        return self._with_options(text, spec)

    def formula_of_grid(self, spec: ObjectiveSpec) -> str:
        """The same, with T and lambda as symbols.

        Raises:
            UserError: an option is unknown, or has a wrong value.
        """
        return self._with_options(self.formula, spec)

    def _with_options(self, text: str, spec: ObjectiveSpec) -> str:
        values = self.settings(spec)
        for option in self.options:
            if option.symbol:
                number = format_scalar(values[option.name])
                text = re.sub(rf"{re.escape(option.symbol)}(?![A-Za-z])", number, text)
        return text


def validated(member: str) -> str:
    """The term that is a member's validation accuracy.

    >>> validated("peer 1")
    'peer 1, validation accuracy'
    """
    return f"{member}, validation accuracy"


def format_number(value: float) -> str:
    """A number as short as it can be written.

    >>> format_number(4.0), format_number(0.25)
    ('4', '0.25')
    """
    return f"{value:.6g}"


def format_scalar(value: Scalar) -> str:
    """An option's value as people write it.

    >>> format_scalar(True), format_scalar(2.0), format_scalar("off")
    ('true', '2', 'off')
    """
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else format_number(value)


def lines(*terms: str) -> str:
    """The sum of some terms in LaTeX, one a line: it must fit a phone."""
    first, *others = terms
    rest = "".join(rf"\\ &+ {term}" for term in others)
    return rf"\begin{{aligned}}L ={{}}& {first}{rest}\end{{aligned}}"


def two_lines(labels: str, soft: str) -> str:
    """The sum of two terms in LaTeX, one a line."""
    return lines(labels, soft)


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
