"""What can be asked for, as frozen data: it says everything and does nothing.

An :class:`ExperimentSpec` is what a person edits and keeps in a file. It *plans* into
:class:`StageSpec` objects, one for each net to be trained, each identified by
:attr:`StageSpec.hash`: the digest of all that decides its weights. Two experiments that share a
stage share its hash, and so the trained net; that is why moving lambda trains one small net.

Specs check themselves at construction. Names (of nets, datasets, objectives) are looked up by
the registries, which know them; :func:`parse_spec` turns pydantic's report into one sentence.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, NamedTuple, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from tsexplorer.errors import UserError

Role = Literal["teacher", "baseline", "distilled", "hint", "member", "generation"]
"""What a stage is to its experiment: hint is a first part of the distilled student's training,
member a further teacher, generation a student of the teacher's kind that teaches the next."""
ROLES: tuple[Role, ...] = ("teacher", "baseline", "distilled")
"""The three that every experiment has, in the order in which they are shown."""

Scaling = Literal["unit", "standard", "raw"]
Activation = Literal["relu", "sigmoid", "gelu"]
Initialisation = Literal["torch", "glorot"]
Optimiser = Literal["adam", "adamw", "sgd", "adadelta"]
Schedule = Literal["constant", "cosine", "one-cycle", "plateau"]
Precision = Literal["auto", "fp32", "bf16"]
Combine = Literal["logits", "probabilities"]
"""What of several teachers is averaged: their logits, or their softmaxes at T = 1."""

Width = Annotated[int, Field(ge=1, le=8192)]
Scalar = str | int | float | bool


def _shortened(value: float) -> float:
    """Whole floats and their int spelling hash alike; -0.0 is 0.0."""
    return float(value) + 0.0


def _in_order(labels: tuple[int, ...]) -> tuple[int, ...]:
    """Each once, ascending: the same classes hash alike."""
    return tuple(sorted(set(labels)))


Labels = Annotated[tuple[Annotated[int, Field(ge=0)], ...], AfterValidator(_in_order)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False), AfterValidator(_shortened)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False), AfterValidator(_shortened)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False), AfterValidator(_shortened)]


Value = TypeVar("Value")
DERIVED = "_derived"
"""Where a spec object keeps what was computed from it; the name begins with an underscore, so that
``dict(spec)`` leaves it out."""


class Spec(BaseModel):
    """Base of all specs: frozen, no unknown keys, JSON round trip, content hash."""

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
        """Canonical JSON: sorted keys, so that equal specs give equal text."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), sort_keys=True)

    @property
    def hash(self) -> str:
        """First 16 hex digits of the SHA-256 of what differs from the defaults.

        Leaving the defaults out lets a later version add a field without renaming every stage
        trained before; it also means that a default, once released, never changes (a test pins
        them).
        """
        return self.derived("hash", self._hash)

    def _hash(self) -> str:
        content = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


class DataSpec(Spec):
    """Which images, and how their 0...255 pixels become net input."""

    name: str = Field(default="mnist-5k", description="Name of a dataset.")
    scaling: Scaling = Field(
        default="unit",
        description="unit: pixels / 255. standard: (pixels / 255 - mean) / deviation of the "
        "training split. raw: 0...255 as they are.",
    )


class NetConfig(Spec):
    """A feed-forward net as data: convolution blocks, then dense layers, then the classes.

    Each convolution block is convolution, 2x2 max-pool, activation (pooling before a monotone
    activation gives the same numbers and does a quarter of the work).
    """

    conv: tuple[Width, ...] = Field(default=(), max_length=8, description="Channels a block.")
    dense: tuple[Width, ...] = Field(default=(), max_length=8, description="Units a hidden layer.")
    activation: Activation = "relu"
    dropout: Annotated[float, Field(ge=0, lt=1), AfterValidator(_shortened)] = Field(
        default=0.0, description="Share of hidden dense units dropped in training."
    )
    input_dropout: Annotated[float, Field(ge=0, lt=1), AfterValidator(_shortened)] = Field(
        default=0.0, description="Share of input pixels dropped in training."
    )
    batch_norm: bool = Field(default=False, description="Batch norm before each activation.")
    kernel: Literal[1, 3, 5] = 3
    padding: Literal["same", "valid"] = "same"
    initialisation: Initialisation = "torch"


class ModelSpec(Spec):
    """A named net, or ``custom`` with its :class:`NetConfig`."""

    name: str = Field(default="mlp-64", description="Name of a preset, or custom.")
    net: NetConfig | None = Field(default=None, description="Given exactly when name is custom.")

    @model_validator(mode="after")
    def _net_with_custom_only(self) -> Self:
        if (self.name == "custom") != (self.net is not None):
            raise ValueError("net is given exactly when the name is custom")
        return self


class ObjectiveSpec(Spec):
    """Which loss a stage minimises. ``lam`` is written ``lambda`` in JSON."""

    name: str = "hinton"
    temperature: Positive = Field(
        default=4.0, le=1000, description="T: how far the soft targets are softened."
    )
    lam: Fraction = Field(
        default=0.5,
        alias="lambda",
        description="Weight of the labels; 1 is the baseline, 0 soft targets alone.",
    )
    options: dict[str, Scalar] = Field(
        default_factory=dict, description="Further parameters that the objective describes."
    )


LABELS = ObjectiveSpec(name="labels", temperature=1.0, lam=1.0)
"""The objective of teachers and baselines: cross-entropy on the labels."""


class TrainSpec(Spec):
    """How one net is trained."""

    epochs: int = Field(default=10, ge=1, le=10_000)
    batch_size: int = Field(default=64, ge=1, le=65_536)
    optimiser: Optimiser = "adam"
    learning_rate: Positive = Field(default=1e-3, le=1000)
    weight_decay: NonNegative = 0.0
    momentum: Annotated[float, Field(ge=0, lt=1), AfterValidator(_shortened)] = Field(
        default=0.9, description="Used by sgd alone."
    )
    epsilon: Positive = Field(
        default=1e-8, description="The optimiser's denominator term; Keras has 1e-7."
    )
    schedule: Schedule = "constant"
    plateau_patience: int = Field(
        default=1, ge=0, description="plateau: epochs without gain before the rate falls tenfold."
    )
    early_stopping: int | None = Field(
        default=None, ge=1, description="Epochs without gain on validation before stopping."
    )
    keep: Literal["last", "best"] = Field(
        default="last", description="Which epoch's weights: the last, or the best on validation."
    )
    jitter: int = Field(default=0, ge=0, le=4, description="Random shift of at most so many px.")
    max_norm: Positive | None = Field(
        default=None, description="Upper bound on the norm of a dense unit's incoming weights."
    )
    averaging: Annotated[float, Field(ge=0, lt=1), AfterValidator(_shortened)] = Field(
        default=0.0,
        description="Decay per step of an exponential average of the weights; 0 is off. "
        "The average is what is validated, tested and kept.",
    )
    precision: Precision = "auto"


class StageSpec(Spec):
    """All that decides one net's weights. Its role in an experiment is not among that."""

    data: DataSpec
    model: ModelSpec
    objective: ObjectiveSpec = LABELS
    train: TrainSpec
    seed: int = Field(ge=0)
    teachers: tuple[str, ...] = Field(default=(), description="Hashes of the teaching stages.")
    start_from: str | None = Field(default=None, description="Hash of the stage to go on from.")
    left_out: Labels = Field(
        default=(), description="Classes (labels) whose images are not trained on."
    )
    teacher_weights: tuple[Positive, ...] = Field(
        default=(), description="What each teacher counts; none stands for all alike."
    )
    combine: Combine = Field(default="logits", description="What of several teachers is averaged.")

    @model_validator(mode="after")
    def _a_weight_for_each_teacher(self) -> Self:
        if self.teacher_weights and len(self.teacher_weights) != len(self.teachers):
            raise ValueError("give as many teacher weights as teachers, or none")
        return self


class FurtherTeacher(Spec):
    """A member of an ensemble besides the first teacher; it trains as the first does."""

    model: ModelSpec = ModelSpec(name="wu-cnn")
    seed_offset: int = Field(
        default=0,
        ge=0,
        lt=2**31,
        description="Added to the experiment's seed, so that a net may be there more than once.",
    )
    weight: Positive = Field(default=1.0, description="What it counts in the mean.")


class ExperimentSpec(Spec):
    """A teacher, a student, and how the one learns from the other, over some seeds."""

    name: str = Field(default="experiment", min_length=1, max_length=80)
    data: DataSpec = DataSpec()
    teacher: ModelSpec = ModelSpec(name="wu-cnn")
    student: ModelSpec = ModelSpec(name="mlp-64")
    objective: ObjectiveSpec = ObjectiveSpec()
    teacher_train: TrainSpec = TrainSpec()
    baseline_train: TrainSpec = TrainSpec()
    distilled_train: TrainSpec = TrainSpec()
    warm_start: bool = Field(
        default=False, description="The distilled stage goes on from the baseline's weights."
    )
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**31)], ...] = Field(
        default=(0,), min_length=1, max_length=100
    )
    left_out: Labels = Field(
        default=(),
        description="Classes (labels) that the distilled student's training images lack; teacher "
        "and baseline see all, and so do validation and test.",
    )
    more_teachers: tuple[FurtherTeacher, ...] = Field(
        default=(), max_length=7, description="Further members of an ensemble of teachers."
    )
    teacher_weight: Positive = Field(
        default=1.0, description="What the first teacher counts among several."
    )
    combine: Combine = Field(
        default="logits",
        description="logits: the mean of the teachers' logits. probabilities: the mean of their "
        "softmaxes at T = 1, which is tempered as one net's would be; at another T that is not the "
        "mean of tempered softmaxes.",
    )

    @property
    def members(self) -> tuple[FurtherTeacher, ...]:
        """All teachers, the first included."""
        first = FurtherTeacher(model=self.teacher, weight=self.teacher_weight)
        return (first, *self.more_teachers)

    @model_validator(mode="after")
    def _seeds_differ(self) -> Self:
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError("each seed may stand only once")
        return self

    @model_validator(mode="after")
    def _teachers_differ(self) -> Self:
        known = [(one.model, one.seed_offset) for one in self.members]
        for place, one in enumerate(known):
            if one in known[:place]:
                raise ValueError(
                    f"teacher {place + 1} is teacher {known.index(one) + 1} again; give it another "
                    "net or another seed offset"
                )
        return self

    @model_validator(mode="after")
    def _left_out_is_unseen(self) -> Self:
        if self.left_out and self.warm_start:
            raise ValueError(
                "a student that goes on from the baseline's weights has seen all classes; leave "
                "classes out, or start warm, not both"
            )
        return self


class Fault(NamedTuple):
    """What is wrong with one field.

    Attributes:
        place: the field, dotted from the spec down; empty where it is the spec as a whole.
        words: the rest of the sentence.
    """

    place: str
    words: str

    def __str__(self) -> str:
        return f"{self.place or 'the spec'}{self.words}"


class SpecError(UserError):
    """A spec that cannot be; as a sentence the first of its faults."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__(faults)
        self.faults = faults

    def __str__(self) -> str:
        return str(self.faults[0])


AnySpec = TypeVar("AnySpec", bound=Spec)


def parse_spec(kind: type[AnySpec], value: str | dict[str, Any]) -> AnySpec:
    """Read a spec from JSON text or a mapping.

    Raises:
        UserError: with one sentence that names the first field that is wrong and why; a
            :class:`SpecError`, which knows of all that are, unless it is no JSON.
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
            # Numbers of thousands of digits, thousands of brackets: JSON, but nobody's spec.
            raise UserError(
                "This JSON is too deep or has too long a number; check the file."
            ) from error
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise SpecError(_faults(error)) from error


LENGTHS = {"too_short": ("at least", "min_length"), "too_long": ("at most", "max_length")}
"""What pydantic says of a tuple's length names the tuple, which nobody typed."""


def first_sentence(error: ValidationError) -> str:
    """The first complaint of a pydantic report as one sentence a person can act on."""
    return str(_faults(error)[0])


def _faults(error: ValidationError) -> tuple[Fault, ...]:
    return tuple(_fault(dict(one)) for one in error.errors(include_url=False))


def _fault(one: dict[str, Any]) -> Fault:
    place = ".".join(str(part) for part in one["loc"])
    given = one.get("input")
    if one["type"] == "extra_forbidden":
        return Fault(place, " is not a known setting; remove it or check its spelling.")
    if one["type"] == "missing":
        return Fault(place, " is missing; add it.")
    if one["type"] in LENGTHS:
        word, bound = LENGTHS[one["type"]]
        most = one["ctx"][bound]
        values = "value" if most == 1 else "values"
        return Fault(place, f": give {word} {most} {values}.")
    reason = one["msg"].removeprefix("Value error, ").removeprefix("Input ")
    shown = f" (given: {shorten(given)})" if isinstance(given, str | int | float | bool) else ""
    return Fault(place, f": {reason[0].lower()}{reason[1:]}{shown}.")


def shorten(given: object, most: int = 60) -> str:
    """A value as it was given, cut where nobody would read on.

    >>> shorten("hot"), len(shorten("x" * 1000))
    ("'hot'", 60)
    """
    text = repr(given)
    return text if len(text) <= most else f"{text[: most - 1]}…"
