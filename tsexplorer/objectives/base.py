"""Base classes of objectives, and the loss functions that several objectives use.

Shape suffixes here and in all objectives: B batch, C classes. ``z_s_BC`` are the logits of the
student, ``z_t_BC`` those of the teacher. Losses call methods of tensors only, for two reasons:
objectives can be listed and described without an import of torch, and losses run unchanged under
``torch.func.vmap``, where T and lambda are tensors with one value for each student.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from tsexplorer.data.base import ImageTask
from tsexplorer.objectives.options import Option, option_values
from tsexplorer.planning import PretrainStage, TrainingPlan
from tsexplorer.specs import Combine, ModelSpec, ObjectiveSpec, Scalar

if TYPE_CHECKING:
    from torch import Tensor, nn

NO_FEATURES: Mapping[str, Tensor] = MappingProxyType({})
NO_OPTIONS: Mapping[str, Scalar] = MappingProxyType({})


class LossTerms(NamedTuple):
    """A loss and its terms.

    Attributes:
        total: the loss that is minimised, a scalar; in nats if all its terms are.
        parts: the terms by name, without their weights, for plots. Each is a scalar in nats, except
            the :attr:`Objective.unitless_terms` and the :attr:`Objective.fraction_terms`.
    """

    total: Tensor
    parts: dict[str, Tensor]


class LossInputs(NamedTuple):
    """Inputs of a loss for one batch.

    Attributes:
        z_s_BC: logits of the student.
        z_t_BC: logits of the teacher, without gradient; None: no teacher.
        y_B: labels, int64.
        temperature: T > 0, a number or a 0-dimensional tensor.
        lam: lambda from 0 to 1, a number or a 0-dimensional tensor.
        options: values of all options of the objective.
        epoch: number of the current epoch, from 1.
        epochs: number of epochs of the stage.
        student_features: outputs of the student's layers in :class:`LayerNames`, by layer name.
        teacher_features: outputs of the teacher's layers, without gradient.
        auxiliary_module: the auxiliary module of the objective, as a function.
        images: scaled images B×C×H×W, for objectives whose auxiliary module needs them.
        label_weights_B: weight of each label in :meth:`label_loss`, 0 for an image without a label;
            None: all are 1.
    """

    z_s_BC: Tensor
    z_t_BC: Tensor | None
    y_B: Tensor
    temperature: float | Tensor = 1.0
    lam: float | Tensor = 1.0
    options: Mapping[str, Scalar] = NO_OPTIONS
    epoch: int = 1
    epochs: int = 1
    student_features: Mapping[str, Tensor] = NO_FEATURES
    teacher_features: Mapping[str, Tensor] = NO_FEATURES
    auxiliary_module: Callable[[Tensor], Tensor] | None = None
    images: Tensor | None = None
    label_weights_B: Tensor | None = None

    def label_loss(self) -> Tensor:
        """Cross-entropy of the labels and the student, batch mean, in nats.

        Where some images have no label, the mean is over those that have one, on average over an
        epoch: a label has the weight N / (number of labels), so that a batch with few of them does
        not count as much as one with many.
        """
        return cross_entropy(self.z_s_BC, self.y_B, self.label_weights_B)

    def number(self, option: str) -> float:
        """Value of a numeric option."""
        return float(self.options[option])

    @property
    def teacher_logits_BC(self) -> Tensor:
        """Logits of the teacher.

        Raises:
            ValueError: there is no teacher.
        """
        if self.z_t_BC is None:
            raise ValueError("this objective requires a teacher's logits, and there are none")
        return self.z_t_BC


class ModelPair(NamedTuple):
    """A student and its teacher.

    Attributes:
        student: net of the student.
        teacher: net of the first teacher; None: no teacher.
        task: the images and the classes.
        options: values of all options of the objective.
    """

    student: ModelSpec
    teacher: ModelSpec | None
    task: ImageTask
    options: Mapping[str, Scalar] = NO_OPTIONS


class LayerNames(NamedTuple):
    """Names of the layers whose outputs a loss requires."""

    student: tuple[str, ...] = ()
    teacher: tuple[str, ...] = ()


def _select_no_layers(_pair: ModelPair) -> LayerNames:
    return LayerNames()


@dataclass(frozen=True)
class Objective:
    """A way to train a student.

    Attributes:
        name: name in specs.
        title: name for display.
        summary: one sentence for a newcomer.
        source: publication that defines the loss.
        convention: short form of the loss, with units, that is displayed beside its values.
        uses_temperature: whether the loss depends on T.
        uses_lambda: whether the loss depends on lambda.
        needs_teacher: whether the loss depends on a teacher.
        loss: computes the loss of a batch.
        latex: the formula in LaTeX, given T, lambda and 1 - lambda as text.
        options: parameters besides T and lambda.
        select_layers: checks a pair of nets and returns the layers whose outputs the loss requires.
            Raises a ``UserError`` for an unsuitable pair. It is fast and does not import torch.
        build_auxiliary_module: builds a module on the CPU that is trained together with the student
            and then discarded (a regressor, a discriminator, peers). The caller seeds the global
            random state. None: no such module.
        pretrain_stage: the stage before the distilled one; None: no such stage.
        count_generations: number of successive students, each the teacher of the next; None: there
            is one student.
        planning_options: names of options that determine the stages but not the loss.
        fraction_terms: names of terms that are fractions from 0 to 1; they are plotted but not part
            of the loss.
        member_names: names of the nets in the auxiliary module if it is a cohort, in order; a
            cohort can have fewer nets. Each net is validated after each epoch. The accuracy, a
            fraction from 0 to 1, is a term of the epoch with the name :func:`validation_term`.
        unitless_terms: names of terms without a unit, as a correlation or a distance.
        is_baseline_at_lambda_1: whether the loss at lambda = 1 is the cross-entropy with the
            labels.
        required_combine: the value of ``combine`` that an ensemble must have; None: any.
        supports_ensemble: whether the loss uses further teachers. Losses on hidden layers use the
            first teacher only.
        expects_pretrained_student: whether the student should start from the baseline's weights.
        uses_unlabelled: whether images without a label can take part in training: the loss uses
            labels in :meth:`LossInputs.label_loss` alone, or not at all.
        parent_objective: name of the objective whose first stage this one is. Such an objective
            cannot be selected. Empty: none.
    """

    name: str
    title: str
    summary: str
    source: str
    convention: str
    uses_temperature: bool
    uses_lambda: bool
    needs_teacher: bool
    loss: Callable[[LossInputs], LossTerms]
    latex: Callable[[str, str, str], str]
    options: tuple[Option, ...] = ()
    select_layers: Callable[[ModelPair], LayerNames] = _select_no_layers
    build_auxiliary_module: Callable[[ModelPair], nn.Module] | None = None
    pretrain_stage: Callable[[ObjectiveSpec], PretrainStage] | None = None
    count_generations: Callable[[ObjectiveSpec], int] | None = None
    planning_options: tuple[str, ...] = ()
    fraction_terms: tuple[str, ...] = ()
    member_names: tuple[str, ...] = ()
    unitless_terms: tuple[str, ...] = ()
    is_baseline_at_lambda_1: bool = False
    required_combine: Combine | None = None
    supports_ensemble: bool = True
    expects_pretrained_student: bool = False
    uses_unlabelled: bool = False
    parent_objective: str = ""

    def option_values(self, spec: ObjectiveSpec) -> dict[str, Scalar]:
        """Values of all options, given or default.

        Raises:
            UserError: an option is unknown or has an invalid value.
        """
        return option_values(self.name, self.options, spec.options)

    def without_defaults(self, spec: ObjectiveSpec) -> ObjectiveSpec:
        """The spec without options that have their default value, so that equal losses hash alike.

        Raises:
            UserError: an option is unknown or has an invalid value.
        """
        defaults = {option.name: option.default for option in self.options}
        options = {
            name: value
            for name, value in self.option_values(spec).items()
            if name in spec.options and value != defaults[name]
        }
        return spec if options == spec.options else spec.model_copy(update={"options": options})

    def make_spec(
        self, temperature: float, lam: float, options: Mapping[str, Scalar] = NO_OPTIONS
    ) -> ObjectiveSpec:
        """A spec of this objective; T is 1 and lambda is 0 if the loss does not depend on them.

        Raises:
            UserError: an option is unknown or has an invalid value.
        """
        return self.without_defaults(
            ObjectiveSpec(
                name=self.name,
                temperature=temperature if self.uses_temperature else 1.0,
                lam=lam if self.uses_lambda else 0.0,
                options=dict(options),
            )
        )

    def parameters(self, spec: ObjectiveSpec) -> tuple[tuple[str, str], ...]:
        """Names and values of T, lambda and the options that differ from their defaults.

        T and lambda are included if the loss depends on them.
        """
        parameters = []
        if self.uses_temperature:
            parameters.append(("T", format_number(spec.temperature)))
        if self.uses_lambda:
            parameters.append(("λ", format_number(spec.lam)))
        for name, value in self.without_defaults(spec).options.items():
            parameters.append((name.replace("_", " "), format_scalar(value)))
        return tuple(parameters)

    def format_convention(self, spec: ObjectiveSpec) -> str:
        """The loss convention with the values of its parameters, as one phrase."""
        return self._format_convention(self.parameters(spec))

    def format_grid_convention(self, spec: ObjectiveSpec) -> str:
        """As :meth:`format_convention`, but without T and lambda, which vary in a grid."""
        return self._format_convention(
            (name, value) for name, value in self.parameters(spec) if name not in ("T", "λ")
        )

    def _format_convention(self, parameters: Iterable[tuple[str, str]]) -> str:
        return ", ".join([self.convention, *(f"{name} = {value}" for name, value in parameters)])

    def training_plan(self, spec: ObjectiveSpec) -> TrainingPlan:
        """The stages that this objective requires."""
        return TrainingPlan(
            needs_teacher=self.needs_teacher,
            pretrain_stage=None if self.pretrain_stage is None else self.pretrain_stage(spec),
            generations=1 if self.count_generations is None else self.count_generations(spec),
            new_seeds=self.count_generations is not None,
            labels_matter=not (self.uses_unlabelled and self.uses_lambda and spec.lam == 0),
            planning_options=self.planning_options,
        )

    @property
    def can_stack(self) -> bool:
        """Whether students with different T and lambda can be trained as one stack.

        This requires a single stage and a loss that depends on logits and labels only.
        """
        selects_layers = self.select_layers is not _select_no_layers
        return self.is_single_stage and not selects_layers and self.build_auxiliary_module is None

    @property
    def is_single_stage(self) -> bool:
        """Whether no other stage of the student precedes the distilled one."""
        return self.pretrain_stage is None and self.count_generations is None

    @property
    def formula(self) -> str:
        """The formula in LaTeX, with symbols for T, lambda and the options."""
        return self.latex("T", r"\lambda", r"(1-\lambda)")

    def format_formula(self, spec: ObjectiveSpec) -> str:
        """The formula in LaTeX, with the values of T, lambda and the options.

        Raises:
            UserError: an option is unknown or has an invalid value.
        """
        soft_weight = format_number(round(1 - spec.lam, 6))
        formula = self.latex(format_number(spec.temperature), format_number(spec.lam), soft_weight)
        return self._insert_options(formula, spec)

    def format_grid_formula(self, spec: ObjectiveSpec) -> str:
        """As :meth:`format_formula`, but with symbols for T and lambda, which vary in a grid.

        Raises:
            UserError: an option is unknown or has an invalid value.
        """
        return self._insert_options(self.formula, spec)

    def _insert_options(self, formula: str, spec: ObjectiveSpec) -> str:
        values = self.option_values(spec)
        for option in self.options:
            if option.symbol:
                number = format_scalar(values[option.name])
                formula = re.sub(rf"{re.escape(option.symbol)}(?![A-Za-z])", number, formula)
        return formula


def validation_term(member: str) -> str:
    """Name of the term with the validation accuracy of a net in a cohort.

    >>> validation_term("peer 1")
    'peer 1, validation accuracy'
    """
    return f"{member}, validation accuracy"


def format_number(value: float) -> str:
    """A number with at most six significant digits.

    >>> format_number(4.0), format_number(0.25)
    ('4', '0.25')
    """
    return f"{value:.6g}"


def format_scalar(value: Scalar) -> str:
    """The value of an option, for display.

    >>> format_scalar(True), format_scalar(2.0), format_scalar("off")
    ('true', '2', 'off')
    """
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else format_number(value)


def latex_sum(*terms: str) -> str:
    """The sum of terms in LaTeX, with one term on each line to fit narrow screens."""
    first, *others = terms
    lines = "".join(rf"\\ &+ {term}" for term in others)
    return rf"\begin{{aligned}}L ={{}}& {first}{lines}\end{{aligned}}"


def cross_entropy(z_BC: Tensor, y_B: Tensor, weights_B: Tensor | None = None) -> Tensor:
    """Cross-entropy of labels and softmax(z), in nats, mean over the batch of loss × weight."""
    loss_B1 = -z_BC.log_softmax(-1).gather(-1, y_B.unsqueeze(-1))
    return loss_B1.mean() if weights_B is None else (loss_B1.squeeze(-1) * weights_B).mean()


def soft_cross_entropy(z_t_BC: Tensor, z_s_BC: Tensor, temperature: float | Tensor) -> Tensor:
    """Cross-entropy of softmax(z_t / T) and softmax(z_s / T), batch mean, in nats."""
    p_BC = (z_t_BC / temperature).softmax(-1)
    return -(p_BC * (z_s_BC / temperature).log_softmax(-1)).sum(-1).mean()


def soft_divergence(z_t_BC: Tensor, z_s_BC: Tensor, temperature: float | Tensor) -> Tensor:
    """KL(softmax(z_t / T) ‖ softmax(z_s / T)), batch mean, in nats."""
    log_p_BC = (z_t_BC / temperature).log_softmax(-1)
    log_q_BC = (z_s_BC / temperature).log_softmax(-1)
    return (log_p_BC.exp() * (log_p_BC - log_q_BC)).sum(-1).mean()
