"""Specs: immutability, canonical JSON, stable hashes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tsexplorer.specs import (
    LABELS,
    DataSpec,
    ExperimentSpec,
    FurtherTeacher,
    ModelSpec,
    NetConfig,
    ObjectiveSpec,
    Spec,
    StageSpec,
    TrainSpec,
    parse_spec,
)

PLAIN = StageSpec(data=DataSpec(), model=ModelSpec(), train=TrainSpec(), seed=0)
CUSTOM = ModelSpec(
    name="custom",
    net=NetConfig(conv=(8, 16), dense=(32,), activation="gelu", dropout=0.5, batch_norm=True),
)
DETAILED = StageSpec(
    data=DataSpec(name="mnist", scaling="raw"),
    model=CUSTOM,
    objective=ObjectiveSpec(name="additive", temperature=10, lam=0.25),
    train=TrainSpec(
        epochs=3,
        optimiser="sgd",
        learning_rate=0.05,
        schedule="cosine",
        max_norm=3,
        precision="fp32",
    ),
    seed=7,
    teachers=("76bdd4e3668a36ad",),
    start_from="0123456789abcdef",
)
TRAIN_DEFAULTS = {
    "epochs": 10,
    "batch_size": 64,
    "optimiser": "adam",
    "learning_rate": 1e-3,
    "weight_decay": 0.0,
    "momentum": 0.9,
    "epsilon": 1e-8,
    "schedule": "constant",
    "plateau_patience": 1,
    "early_stopping": None,
    "keep": "last",
    "jitter": 0,
    "padding": "zero",
    "flip": False,
    "max_norm": None,
    "averaging": 0.0,
    "precision": "auto",
}
LABELS_JSON = {"name": "labels", "temperature": 1.0, "lambda": 1.0, "options": {}}
DEFAULTS: list[tuple[Spec, dict[str, Any]]] = [
    (DataSpec(), {"name": "mnist-5k", "scaling": "unit"}),
    (
        NetConfig(),
        {
            "conv": [],
            "block": "plain",
            "strides": [],
            "downsample": "pool",
            "head": "flatten",
            "dense": [],
            "activation": "relu",
            "dropout": 0.0,
            "input_dropout": 0.0,
            "batch_norm": False,
            "kernel": 3,
            "padding": "same",
            "initialisation": "torch",
        },
    ),
    (ModelSpec(), {"name": "mlp-64", "net": None}),
    (ObjectiveSpec(), {"name": "hinton", "temperature": 4.0, "lambda": 0.5, "options": {}}),
    (LABELS, LABELS_JSON),
    (TrainSpec(), TRAIN_DEFAULTS),
    (
        PLAIN,
        {
            "data": {"name": "mnist-5k", "scaling": "unit"},
            "model": {"name": "mlp-64", "net": None},
            "objective": LABELS_JSON,
            "train": TRAIN_DEFAULTS,
            "seed": 0,
            "teachers": [],
            "start_from": None,
            "left_out": [],
            "teacher_weights": [],
            "combine": "logits",
            "label_share": 1.0,
        },
    ),
    (
        ExperimentSpec(),
        {
            "name": "experiment",
            "data": {"name": "mnist-5k", "scaling": "unit"},
            "teacher": {"name": "wu-cnn", "net": None},
            "student": {"name": "mlp-64", "net": None},
            "objective": {"name": "hinton", "temperature": 4.0, "lambda": 0.5, "options": {}},
            "teacher_train": TRAIN_DEFAULTS,
            "baseline_train": TRAIN_DEFAULTS,
            "distilled_train": TRAIN_DEFAULTS,
            "warm_start": False,
            "seeds": [0],
            "left_out": [],
            "label_share": 1.0,
            "more_teachers": [],
            "teacher_weight": 1.0,
            "combine": "logits",
        },
    ),
    (
        FurtherTeacher(),
        {"model": {"name": "wu-cnn", "net": None}, "seed_offset": 0, "weight": 1.0},
    ),
]
SPECS = [spec for spec, _ in DEFAULTS]


def numbers(low: float, high: float, *, exclude_min: bool = False) -> st.SearchStrategy[float]:
    """Floats of a range, often whole numbers, whose JSON can also be an int."""
    integers = st.integers(int(low) + exclude_min, int(high)).map(float)
    return st.floats(low, high, exclude_min=exclude_min) | integers


rates = st.floats(0, 1, exclude_max=True)
texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
widths = st.lists(st.integers(1, 8192), max_size=3).map(tuple)
data_specs = st.builds(DataSpec, name=texts, scaling=st.sampled_from(["unit", "standard", "raw"]))
net_configs = st.builds(
    NetConfig,
    conv=widths,
    dense=widths,
    activation=st.sampled_from(["relu", "sigmoid", "gelu"]),
    dropout=rates,
    input_dropout=rates,
    batch_norm=st.booleans(),
    kernel=st.sampled_from([1, 3, 5]),
    padding=st.sampled_from(["same", "valid"]),
    initialisation=st.sampled_from(["torch", "glorot"]),
)
model_specs = st.one_of(
    st.builds(ModelSpec, name=texts.filter(lambda name: name != "custom"), net=st.none()),
    st.builds(ModelSpec, name=st.just("custom"), net=net_configs),
)
objective_specs = st.builds(
    ObjectiveSpec,
    name=texts,
    temperature=numbers(0, 1000, exclude_min=True),
    lam=numbers(0, 1),
    options=st.dictionaries(texts, st.one_of(texts, st.integers(), st.booleans()), max_size=3),
)
train_specs = st.builds(
    TrainSpec,
    epochs=st.integers(1, 10_000),
    batch_size=st.integers(1, 65_536),
    optimiser=st.sampled_from(["adam", "adamw", "sgd", "adadelta"]),
    learning_rate=numbers(0, 1000, exclude_min=True),
    weight_decay=numbers(0, 10),
    momentum=rates,
    schedule=st.sampled_from(["constant", "cosine", "one-cycle", "plateau"]),
    early_stopping=st.none() | st.integers(1, 50),
    keep=st.sampled_from(["last", "best"]),
    jitter=st.integers(0, 4),
    max_norm=st.none() | numbers(0, 100, exclude_min=True),
    averaging=rates,
    precision=st.sampled_from(["auto", "fp32", "bf16"]),
)
labels = st.lists(st.integers(0, 30), max_size=3).map(tuple)
stage_specs = st.builds(
    StageSpec,
    data=data_specs,
    model=model_specs,
    objective=objective_specs,
    train=train_specs,
    seed=st.integers(0, 2**31),
    teachers=st.lists(texts, max_size=2).map(tuple),
    start_from=st.none() | texts,
    left_out=labels,
)
experiment_specs = st.builds(
    ExperimentSpec,
    name=texts,
    data=data_specs,
    teacher=model_specs,
    student=model_specs,
    objective=objective_specs,
    teacher_train=train_specs,
    baseline_train=train_specs,
    distilled_train=train_specs,
    left_out=labels,
    seeds=st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=4, unique=True).map(tuple),
)
any_spec: st.SearchStrategy[Spec] = st.one_of(
    data_specs, model_specs, objective_specs, train_specs, stage_specs, experiment_specs
)
without_deadline = settings(deadline=None, max_examples=60)


def rewrite(value: Any) -> Any:
    """Equivalent JSON with keys in reverse order and whole floats as ints."""
    if isinstance(value, dict):
        return {key: rewrite(value[key]) for key in reversed(list(value))}
    if isinstance(value, list):
        return [rewrite(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


# -- immutability -------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: type(spec).__name__)
def test_specs_are_immutable(spec: Spec) -> None:
    before = spec.to_json()
    for name in type(spec).model_fields:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(spec, name, getattr(spec, name))
        with pytest.raises(ValidationError, match="frozen"):
            delattr(spec, name)
    assert spec.to_json() == before


# -- JSON -------------------------------------------------------------------------------------


@without_deadline
@given(any_spec)
def test_json_round_trip(spec: Spec) -> None:
    text = spec.to_json()
    parsed = parse_spec(type(spec), text)
    assert parsed == spec
    assert parsed.to_json() == text
    assert parsed.hash == spec.hash
    assert type(spec).model_validate_json(text) == spec


@without_deadline
@given(any_spec)
def test_order_of_keys_and_format_of_numbers_have_no_influence(spec: Spec) -> None:
    parsed = parse_spec(type(spec), json.dumps(rewrite(json.loads(spec.to_json()))))
    assert parsed.hash == spec.hash
    assert parsed.to_json() == spec.to_json()


def test_the_field_lam_is_lambda_in_json() -> None:
    content = json.loads(ObjectiveSpec(lam=0.25).to_json())
    assert content["lambda"] == 0.25
    assert "lam" not in content
    assert parse_spec(ObjectiveSpec, {"lambda": 0.25}) == parse_spec(ObjectiveSpec, {"lam": 0.25})


def test_whole_numbers_and_minus_zero_have_one_format() -> None:
    texts = ('{"temperature": 2, "lambda": 0}', '{"lambda": -0.0, "temperature": 2.0}')
    specs = [parse_spec(ObjectiveSpec, text) for text in texts]
    assert specs[0].to_json() == specs[1].to_json()
    assert "-0" not in specs[1].to_json()
    assert specs[0].hash == specs[1].hash == ObjectiveSpec(temperature=2, lam=0).hash


# -- hash -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (PLAIN, "76bdd4e3668a36ad"),
        (DETAILED, "3a47b774d0d711c3"),
        (LABELS, "92bef183783e3ae1"),
        (ExperimentSpec(name="mine", teacher=ModelSpec(), seeds=(0, 1)), "a487dc86ff63b4e7"),
    ],
)
def test_hashes_have_not_changed_since_the_first_release(spec: Spec, expected: str) -> None:
    assert spec.hash == expected


@pytest.mark.parametrize(
    ("spec", "values"), DEFAULTS, ids=[type(spec).__name__ for spec, _ in DEFAULTS]
)
def test_defaults_have_not_changed_since_the_first_release(
    spec: Spec, values: dict[str, Any]
) -> None:
    """Hashes exclude defaults: with another default, different nets would have equal hashes."""
    assert spec.model_dump(mode="json", by_alias=True) == values


OTHER_VALUES: dict[str, Any] = {
    "epochs": 11,
    "batch_size": 65,
    "optimiser": "adamw",
    "learning_rate": 2e-3,
    "weight_decay": 1e-4,
    "momentum": 0.8,
    "epsilon": 1e-7,
    "schedule": "cosine",
    "plateau_patience": 2,
    "early_stopping": 1,
    "keep": "best",
    "jitter": 1,
    "padding": "reflect",
    "flip": True,
    "max_norm": 2.0,
    "averaging": 0.99,
    "precision": "fp32",
}


def test_every_field_of_a_stage_changes_its_hash() -> None:
    assert set(OTHER_VALUES) == set(TrainSpec.model_fields)
    changes: list[dict[str, Any]] = [
        {"train": TrainSpec(**{name: value})} for name, value in OTHER_VALUES.items()
    ]
    changes += [
        {"data": DataSpec(name="mnist")},
        {"data": DataSpec(scaling="raw")},
        {"model": ModelSpec(name="wu-mlp")},
        {"model": ModelSpec(name="custom", net=NetConfig())},
        {"model": ModelSpec(name="custom", net=NetConfig(dense=(64,)))},
        {"model": ModelSpec(name="custom", net=NetConfig(conv=(64,)))},
        {"objective": ObjectiveSpec()},
        {"objective": ObjectiveSpec(temperature=5)},
        {"objective": ObjectiveSpec(lam=0.25)},
        {"objective": ObjectiveSpec(options={"weight": 2})},
        {"seed": 1},
        {"teachers": (PLAIN.hash,)},
        {"teachers": (PLAIN.hash, DETAILED.hash)},
        {"teachers": (DETAILED.hash, PLAIN.hash)},
        {"teachers": (DETAILED.hash, PLAIN.hash), "teacher_weights": (1, 2)},
        {"teachers": (DETAILED.hash, PLAIN.hash), "combine": "probabilities"},
        {"start_from": PLAIN.hash},
        {"label_share": 0.1},
    ]
    stages = [PLAIN, *(StageSpec(**(dict(PLAIN) | change)) for change in changes)]
    assert len({stage.hash for stage in stages}) == len(stages)


@without_deadline
@given(stage_specs, stage_specs)
def test_only_equal_stages_have_equal_hashes(stage: StageSpec, other: StageSpec) -> None:
    assert (stage == other) == (stage.hash == other.hash)
    assert stage.model_copy(deep=True).hash == stage.hash


def test_a_stage_has_no_role() -> None:
    assert set(StageSpec.model_fields) == {
        *("data", "model", "objective", "train", "seed", "teachers", "start_from"),
        *("left_out", "teacher_weights", "combine", "label_share"),
    }
