"""Specs from invalid input: each error is one sentence that names the field."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

from tsexplorer.errors import SpecError, UserError
from tsexplorer.specs import (
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

STAGE = StageSpec(data=DataSpec(), model=ModelSpec(), train=TrainSpec(), seed=0)
SPECS = (
    *(DataSpec(), NetConfig(), ModelSpec(), ObjectiveSpec(), TrainSpec()),
    *(STAGE, ExperimentSpec(), FurtherTeacher()),
)


def error_sentence(kind: type[Spec], value: str | dict[str, Any]) -> str:
    """The error message for invalid input, which must be one line with one sentence."""
    with pytest.raises(UserError) as caught:
        parse_spec(kind, value)
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text
    assert ". " not in text
    return text


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: type(spec).__name__)
def test_unknown_keys_are_rejected(spec: Spec) -> None:
    value = json.loads(spec.to_json()) | {"tempreture": 4}
    assert error_sentence(type(spec), value) == (
        "tempreture is not a known setting; remove it or check its spelling."
    )


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (
            '{"objective": {"temperature": 0}}',
            "objective.temperature: should be greater than 0 (given: 0).",
        ),
        (
            '{"objective": {"temperature": -1.5}}',
            "objective.temperature: should be greater than 0 (given: -1.5).",
        ),
        (
            '{"objective": {"temperature": 1001}}',
            "objective.temperature: should be less than or equal to 1000 (given: 1001).",
        ),
        (
            '{"objective": {"temperature": NaN}}',
            "objective.temperature: should be a finite number (given: nan).",
        ),
        (
            '{"objective": {"temperature": 1e999}}',
            "objective.temperature: should be a finite number (given: inf).",
        ),
        (
            '{"objective": {"lambda": 1.01}}',
            "objective.lambda: should be less than or equal to 1 (given: 1.01).",
        ),
        (
            '{"objective": {"lambda": -0.01}}',
            "objective.lambda: should be greater than or equal to 0 (given: -0.01).",
        ),
        (
            '{"objective": {"lambda": NaN}}',
            "objective.lambda: should be a finite number (given: nan).",
        ),
        (
            '{"objective": {"lambda": 0.1, "lam": 0.2}}',
            "objective.lam is not a known setting; remove it or check its spelling.",
        ),
        (
            '{"distilled_train": {"epochs": 0}}',
            "distilled_train.epochs: should be greater than or equal to 1 (given: 0).",
        ),
        (
            '{"teacher_train": {"learning_rate": -Infinity}}',
            "teacher_train.learning_rate: should be a finite number (given: -inf).",
        ),
        (
            '{"teacher_train": {"momentum": NaN}}',
            "teacher_train.momentum: should be less than 1 (given: nan).",
        ),
        (
            '{"teacher_train": {"optimiser": "lion"}}',
            "teacher_train.optimiser: should be 'adam', 'adamw', 'sgd' or 'adadelta' "
            "(given: 'lion').",
        ),
        (
            '{"teacher": {"name": "custom", "net": {"conv": [32, 0]}}}',
            "teacher.net.conv.1: should be greater than or equal to 1 (given: 0).",
        ),
        (
            '{"teacher": {"name": "custom"}}',
            "teacher: net is required if the name is custom, and not allowed otherwise.",
        ),
        (
            '{"student": {"name": "mlp-64", "net": {}}}',
            "student: net is required if the name is custom, and not allowed otherwise.",
        ),
        (
            '{"more_teachers": [{"seed_offset": 1}, {"seed_offset": 1}]}',
            "the spec: teachers 2 and 3 are identical; change the net or the seed offset of one of "
            "them.",
        ),
        (
            '{"more_teachers": [{}]}',
            "the spec: teachers 1 and 2 are identical; change the net or the seed offset of one of "
            "them.",
        ),
        (
            '{"more_teachers": [{"weight": 0}]}',
            "more_teachers.0.weight: should be greater than 0 (given: 0).",
        ),
        (
            '{"left_out": [3], "warm_start": true}',
            "the spec: the baseline was trained on all classes; exclude classes or start from the "
            "baseline's weights, not both.",
        ),
        ('{"seeds": [3, 1, 3]}', "the spec: each seed may occur only once."),
        ('{"seeds": [-1]}', "seeds.0: should be greater than or equal to 0 (given: -1)."),
        ('{"seeds": []}', "seeds: give at least 1 value."),
        ('{"name": ""}', "name: string should have at least 1 character (given: '')."),
        (
            '{"seads": [1], "objective": {"lambda": 2}}',
            "objective.lambda: should be less than or equal to 1 (given: 2).",
        ),
        (
            '{"student": {"name": "mlp-64", "widht": 3}}',
            "student.widht is not a known setting; remove it or check its spelling.",
        ),
        ("[]", "the spec: should be a valid dictionary or instance of ExperimentSpec."),
        ("7", "the spec: should be a valid dictionary or instance of ExperimentSpec (given: 7)."),
        ("", "This is not JSON (line 1, column 1: Expecting value); check the file."),
        (
            'name: "mine"',
            "This is not JSON (line 1, column 1: Expecting value); check the file.",
        ),
        (
            '{"name": "mine"\n"seeds": [1]}',
            "This is not JSON (line 2, column 1: Expecting ',' delimiter); check the file.",
        ),
    ],
)
def test_invalid_input_gives_one_sentence(value: str, sentence: str) -> None:
    assert error_sentence(ExperimentSpec, value) == sentence


def test_missing_fields_are_named() -> None:
    assert error_sentence(StageSpec, "{}") == "data is missing; add it."
    value = json.loads(STAGE.to_json())
    del value["train"]
    assert error_sentence(StageSpec, value) == "train is missing; add it."


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"seeds": [' + "1" * 5000 + "]}"], ids=["deep", "long number"]
)
def test_json_beyond_the_limits_of_python_gives_one_sentence(text: str) -> None:
    assert error_sentence(ExperimentSpec, text).endswith("check the file.")


def test_an_error_has_all_faults_and_the_text_of_the_first() -> None:
    value = {"teacher_train": {"epochs": 0, "batch": 2}, "student": {"nam": "mlp-64"}}
    with pytest.raises(SpecError) as caught:
        parse_spec(ExperimentSpec, value)
    fields = ["teacher_train.epochs", "teacher_train.batch", "student.nam"]
    assert sorted(fault.field for fault in caught.value.faults) == sorted(fields)
    assert error_sentence(ExperimentSpec, {"teacher_train": {"epochs": 0}, "seeds": []}) == (
        "teacher_train.epochs: should be greater than or equal to 1 (given: 0)."
    )


def test_errors_can_be_pickled() -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(ExperimentSpec, {"teacher_train": {"epochs": 0}, "seeds": []})
    error = pickle.loads(pickle.dumps(caught.value))
    assert (str(error), error.faults) == (str(caught.value), caught.value.faults)
