"""Specifications of experiments and of their stages, as frozen pydantic models.

A user edits an :class:`ExperimentSpec` and can save it as a JSON file.
:func:`tsexplorer.planning.plan` turns it into :class:`StageSpec` objects, one for each net
that is trained. :attr:`Spec.hash` identifies a stage: it is a digest of everything that determines
the weights. Experiments that share a stage have the same hash for it and therefore share the
trained net; this is why a new value of lambda requires the training of one small net only.

Specs are validated at construction, except for the names of nets, datasets and objectives, which
their registries validate. :func:`parse_spec` turns a report of pydantic into one sentence.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from tsexplorer.errors import SpecError, UserError, read_faults

Role = Literal["teacher", "baseline", "distilled", "hint", "member", "generation"]
"""Role of a stage in its experiment. "hint" is the first stage of a student that is distilled in
two stages, "member" is a further teacher of an ensemble, and "generation" is a student that becomes
the teacher of the next student."""
ROLES: tuple[Role, ...] = ("teacher", "baseline", "distilled")
"""The roles that every experiment has, in display order."""

Scaling = Literal["unit", "standard", "raw"]
ConfigActivation = Literal["relu", "sigmoid", "gelu"]
Initialisation = Literal["torch", "glorot"]
Optimiser = Literal["adam", "adamw", "sgd", "adadelta"]
Schedule = Literal["constant", "cosine", "one-cycle", "plateau"]
Precision = Literal["auto", "fp32", "bf16"]
Combine = Literal["logits", "probabilities"]
"""Which outputs of several teachers are averaged: logits, or softmax probabilities at T = 1."""

Width = Annotated[int, Field(ge=1, le=8192)]
Scalar = str | int | float | bool


def _as_float(value: float) -> float:
    """Convert to float and -0.0 to 0.0, so that equal numbers have equal hashes."""
    return float(value) + 0.0


def _sort_labels(labels: tuple[int, ...]) -> tuple[int, ...]:
    """Sort the labels and remove duplicates, so that equal sets of classes have equal hashes."""
    return tuple(sorted(set(labels)))


Labels = Annotated[tuple[Annotated[int, Field(ge=0)], ...], AfterValidator(_sort_labels)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False), AfterValidator(_as_float)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False), AfterValidator(_as_float)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False), AfterValidator(_as_float)]
LabelShare = Annotated[float, Field(ge=0.001, le=1), AfterValidator(_as_float)]
BelowOne = Annotated[float, Field(ge=0, lt=1), AfterValidator(_as_float)]


Value = TypeVar("Value")
DERIVED = "_derived"
"""Where a spec object keeps what was computed from it; the name begins with an underscore, so that
``dict(spec)`` leaves it out."""


class Spec(BaseModel):
    """Base class of all specs: frozen, without unknown keys, with canonical JSON and a hash."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with other values; what was derived from the old values is not copied."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop(DERIVED, None)
        return copied

    def derived(self, name: str, compute: Callable[[], Value]) -> Value:
        """A value that follows from this spec, computed once per object."""
        values: dict[str, Value] = self.__dict__.setdefault(DERIVED, {})
        if name not in values:
            values[name] = compute()
        return values[name]

    def to_json(self) -> str:
        """Canonical JSON: keys are sorted, so that equal specs have equal text."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), sort_keys=True)

    @property
    def hash(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of all values that differ from the defaults.

        Default values are not part of the hash, so that a later version can add a field without a
        change to existing hashes. For the same reason a released default must never change;
        ``tests/test_specs.py`` checks this.
        """
        return self.derived("hash", self._hash)

    def _hash(self) -> str:
        content = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


class DataSpec(Spec):
    """A dataset, and how its pixel values from 0 to 255 are scaled."""

    name: str = Field(default="mnist-5k", description="Name of a dataset.")
    scaling: Scaling = Field(
        default="unit",
        description="unit: pixels / 255. standard: (pixels / 255 - mean) / standard deviation, "
        "both of the training split. raw: unchanged, 0 to 255.",
    )


class NetConfig(Spec):
    """A feed-forward net: convolution blocks, then dense layers, then the output layer.

    A plain block is a convolution, a 2×2 max-pooling and an activation. Pooling before a monotone
    activation gives the same result as pooling after it, at a quarter of the cost.
    """

    conv: tuple[Width, ...] = Field(
        default=(), max_length=16, description="Channels of each block."
    )
    block: Literal["plain", "separable", "residual"] = Field(
        default="plain",
        description="plain: one convolution. separable: a convolution of each channel alone, then "
        "one of 1×1. residual: two convolutions and a shortcut around them.",
    )
    strides: tuple[Literal[1, 2], ...] = Field(
        default=(),
        max_length=16,
        description="2 halves the sides of the image in a block, 1 keeps them; one number for each "
        "block, empty: 2 in all.",
    )
    downsample: Literal["pool", "stride"] = Field(
        default="pool", description="How a block halves the sides: max-pooling or convolution."
    )
    head: Literal["flatten", "average"] = Field(
        default="flatten",
        description="Between the blocks and the dense layers: all values, or the mean of each "
        "channel (global average pooling).",
    )
    dense: tuple[Width, ...] = Field(default=(), max_length=8, description="Units of each layer.")
    activation: ConfigActivation = "relu"
    dropout: BelowOne = Field(
        default=0.0, description="Fraction of hidden units dropped in training."
    )
    input_dropout: BelowOne = Field(
        default=0.0, description="Fraction of pixels dropped in training."
    )
    batch_norm: bool = Field(default=False, description="Batch norm before each activation.")
    kernel: Literal[1, 3, 5] = 3
    padding: Literal["same", "valid"] = "same"
    initialisation: Initialisation = "torch"


class ModelSpec(Spec):
    """The name of a preset net, or ``custom`` with a :class:`NetConfig`."""

    name: str = Field(default="mlp-64", description="Name of a preset, or custom.")
    net: NetConfig | None = Field(
        default=None, description="Layers of the net; required if the name is custom."
    )

    @model_validator(mode="after")
    def _require_net_for_custom(self) -> Self:
        if (self.name == "custom") != (self.net is not None):
            raise ValueError("net is required if the name is custom, and not allowed otherwise")
        return self


class ObjectiveSpec(Spec):
    """The loss that a stage minimises. The field ``lam`` is named ``lambda`` in JSON."""

    name: str = "hinton"
    temperature: Positive = Field(
        default=4.0, le=1000, description="T: higher values give softer targets."
    )
    lam: Fraction = Field(
        default=0.5,
        alias="lambda",
        description="Weight of the labels: 1 is labels only, 0 is soft targets only.",
    )
    options: dict[str, Scalar] = Field(
        default_factory=dict, description="Further parameters of the objective."
    )


LABELS = ObjectiveSpec(name="labels", temperature=1.0, lam=1.0)
"""Objective of teachers and baselines: cross-entropy with the labels."""


class TrainSpec(Spec):
    """Optimisation settings of one stage."""

    epochs: int = Field(default=10, ge=1, le=10_000)
    batch_size: int = Field(default=64, ge=1, le=65_536)
    optimiser: Optimiser = "adam"
    learning_rate: Positive = Field(default=1e-3, le=1000)
    weight_decay: NonNegative = 0.0
    momentum: BelowOne = Field(default=0.9, description="Only used by sgd.")
    epsilon: Positive = Field(
        default=1e-8, description="Denominator term of the optimiser; 1e-7 in Keras."
    )
    schedule: Schedule = "constant"
    plateau_patience: int = Field(
        default=1,
        ge=0,
        description="plateau: epochs without improvement before the rate is divided by 10.",
    )
    early_stopping: int | None = Field(
        default=None,
        ge=1,
        description="Epochs without improvement on validation before training stops.",
    )
    keep: Literal["last", "best"] = Field(
        default="last",
        description="Weights that are kept: of the last epoch, or of the best on validation.",
    )
    jitter: int = Field(
        default=0, ge=0, le=16, description="Largest random shift of an image (px)."
    )
    padding: Literal["zero", "reflect"] = Field(
        default="zero",
        description="What a shifted image shows at its edge: zero (black) or its reflection.",
    )
    flip: bool = Field(default=False, description="Mirror half of the images, left to right.")
    max_norm: Positive | None = Field(
        default=None, description="Upper bound for the norm of the weights into a dense unit."
    )
    averaging: BelowOne = Field(
        default=0.0,
        description="Decay per step of an exponential moving average of the weights; 0 is off. "
        "The average is validated, tested and kept.",
    )
    precision: Precision = "auto"


class StageSpec(Spec):
    """Everything that determines the weights of one net; its role in an experiment does not."""

    data: DataSpec
    model: ModelSpec
    objective: ObjectiveSpec = LABELS
    train: TrainSpec
    seed: int = Field(ge=0)
    teachers: tuple[str, ...] = Field(default=(), description="Hashes of the teachers' stages.")
    start_from: str | None = Field(
        default=None, description="Hash of the stage whose weights training starts from."
    )
    left_out: Labels = Field(
        default=(), description="Classes (labels) that are excluded from the training images."
    )
    teacher_weights: tuple[Positive, ...] = Field(
        default=(), description="Weight of each teacher in the mean; empty: equal weights."
    )
    combine: Combine = Field(
        default="logits", description="Outputs of several teachers that are averaged."
    )
    label_share: LabelShare = Field(
        default=1.0,
        description="Share of the training images whose labels are used, the same share of each "
        "class, chosen by the seed.",
    )

    @model_validator(mode="after")
    def _require_weight_per_teacher(self) -> Self:
        if self.teacher_weights and len(self.teacher_weights) != len(self.teachers):
            raise ValueError("give as many teacher weights as teachers, or none")
        return self


class FurtherTeacher(Spec):
    """A further teacher of an ensemble, trained with the settings of the first teacher."""

    model: ModelSpec = ModelSpec(name="wu-cnn")
    seed_offset: int = Field(
        default=0,
        ge=0,
        lt=2**31,
        description="Added to the experiment's seed, so that a net can be used more than once.",
    )
    weight: Positive = Field(default=1.0, description="Weight of this teacher in the mean.")


class ExperimentSpec(Spec):
    """A teacher, a student and an objective, trained for one or several seeds."""

    name: str = Field(default="experiment", min_length=1, max_length=80)
    data: DataSpec = DataSpec()
    teacher: ModelSpec = ModelSpec(name="wu-cnn")
    student: ModelSpec = ModelSpec(name="mlp-64")
    objective: ObjectiveSpec = ObjectiveSpec()
    teacher_train: TrainSpec = TrainSpec()
    baseline_train: TrainSpec = TrainSpec()
    distilled_train: TrainSpec = TrainSpec()
    warm_start: bool = Field(
        default=False, description="Distillation starts from the weights of the baseline."
    )
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**31)], ...] = Field(
        default=(0,), min_length=1, max_length=100
    )
    left_out: Labels = Field(
        default=(),
        description="Classes (labels) that are excluded from the distilled student's training "
        "images. Teacher, baseline, validation and test use all classes.",
    )
    label_share: LabelShare = Field(
        default=1.0,
        description="Share of the training images whose labels baseline and student get, the same "
        "share of each class, chosen by the seed. The teacher has all labels, and its soft targets "
        "teach the student on all images.",
    )
    more_teachers: tuple[FurtherTeacher, ...] = Field(
        default=(), max_length=7, description="Further teachers of an ensemble."
    )
    teacher_weight: Positive = Field(
        default=1.0, description="Weight of the first teacher in the mean of several."
    )
    combine: Combine = Field(
        default="logits",
        description="logits: the mean of the teachers' logits. probabilities: the mean of their "
        "softmax outputs at T = 1, to which T is then applied; for other T this differs from the "
        "mean of softmax outputs at T.",
    )

    @property
    def all_teachers(self) -> tuple[FurtherTeacher, ...]:
        """All teachers, beginning with the first."""
        first = FurtherTeacher(model=self.teacher, weight=self.teacher_weight)
        return (first, *self.more_teachers)

    @model_validator(mode="after")
    def _require_distinct_seeds(self) -> Self:
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError("each seed may occur only once")
        return self

    @model_validator(mode="after")
    def _require_distinct_teachers(self) -> Self:
        teachers = [(teacher.model, teacher.seed_offset) for teacher in self.all_teachers]
        for index, teacher in enumerate(teachers):
            first = teachers.index(teacher)
            if first < index:
                raise ValueError(
                    f"teachers {first + 1} and {index + 1} are identical; change the net or the "
                    "seed offset of one of them"
                )
        return self

    @model_validator(mode="after")
    def _forbid_warm_start_with_left_out(self) -> Self:
        if self.left_out and self.warm_start:
            raise ValueError(
                "the baseline was trained on all classes; exclude classes or start from the "
                "baseline's weights, not both"
            )
        return self


AnySpec = TypeVar("AnySpec", bound=Spec)


def parse_spec(kind: type[AnySpec], value: str | dict[str, Any]) -> AnySpec:
    """Parse and validate a spec.

    Args:
        kind: class of the spec.
        value: JSON text or a mapping.

    Raises:
        SpecError: fields are invalid.
        UserError: the text is not JSON.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError as error:
            raise UserError(
                f"This is not JSON (line {error.lineno}, column {error.colno}: {error.msg}); "
                "check the file."
            ) from error
        except (ValueError, RecursionError) as error:
            # Numbers with thousands of digits, or thousands of nested brackets.
            raise UserError(
                "This JSON is nested too deeply or has a number that is too long; check the file."
            ) from error
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise SpecError(read_faults(error)) from error
