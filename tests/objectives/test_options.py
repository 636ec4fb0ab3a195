"""Options of objectives: validation, parsing, default values."""

from __future__ import annotations

import dataclasses

import pytest

from tsexplorer.errors import UserError
from tsexplorer.objectives import Option, get_objective
from tsexplorer.specs import ObjectiveSpec

BETA = Option("beta", "β", 8.0, "Weight.", low=0, high=100)
WARM_UP = Option("warm_up", "Warm-up", 5, "Epochs.", low=1)
KIND = Option("kind", "Kind", "off", "Which.", choices=("off", "on"))
ALONE = Option("alone", "Alone", False, "Whether.")
OBJECTIVE = dataclasses.replace(
    get_objective("hinton"), name="made", options=(BETA, WARM_UP, KIND, ALONE)
)


def spec_with(**options: object) -> ObjectiveSpec:
    return ObjectiveSpec(name="made", options=options)


def test_missing_options_have_their_defaults() -> None:
    assert OBJECTIVE.option_values(spec_with(kind="on")) == {
        "beta": 8.0,
        "warm_up": 5,
        "kind": "on",
        "alone": False,
    }


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"beta": -1.0}, "The option beta must be at least 0 (given: -1.0)."),
        ({"beta": 101}, "The option beta must be at most 100 (given: 101.0)."),
        ({"beta": "much"}, "The option beta must be a number (given: 'much')."),
        ({"beta": float("nan")}, "The option beta must be a finite number (given: nan)."),
        ({"beta": True}, "The option beta must be a number (given: True)."),
        ({"warm_up": 1.5}, "The option warm_up must be a whole number (given: 1.5)."),
        ({"kind": "maybe"}, "The option kind must be one of off, on (given: 'maybe')."),
        ({"alone": 1}, "The option alone must be true or false (given: 1)."),
        (
            {"gamma": 1},
            "The objective made has no option 'gamma'; choose among beta, warm_up, kind, alone.",
        ),
    ],
)
def test_invalid_values_give_one_sentence(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        OBJECTIVE.option_values(spec_with(**options))
    assert str(caught.value) == sentence


def test_an_option_of_an_objective_without_options_is_rejected() -> None:
    with pytest.raises(UserError, match="has no option 'beta'; remove it"):
        get_objective("hinton").option_values(ObjectiveSpec(options={"beta": 1}))


def test_default_values_are_removed_from_specs() -> None:
    assert OBJECTIVE.without_defaults(spec_with(beta=8, kind="off")) == spec_with()
    assert OBJECTIVE.without_defaults(spec_with(beta=2, kind="off")) == spec_with(beta=2)
    assert OBJECTIVE.without_defaults(spec_with()).hash == spec_with().hash


def test_parameters_are_t_lambda_and_changed_options() -> None:
    spec = spec_with(beta=2, kind="on").model_copy(update={"temperature": 4.0, "lam": 0.25})
    assert OBJECTIVE.parameters(spec) == (
        ("T", "4"),
        ("λ", "0.25"),
        ("beta", "2"),
        ("kind", "on"),
    )


def test_the_convention_states_the_parameters() -> None:
    spec = spec_with(beta=2, kind="on").model_copy(update={"temperature": 4.0, "lam": 0.25})
    convention = OBJECTIVE.convention
    assert OBJECTIVE.format_convention(spec) == (
        f"{convention}, T = 4, λ = 0.25, beta = 2, kind = on"
    )
    assert OBJECTIVE.format_grid_convention(spec) == f"{convention}, beta = 2, kind = on"
    assert OBJECTIVE.format_grid_convention(spec_with(beta=8)) == convention


@pytest.mark.parametrize(
    ("option", "text", "value"),
    [(BETA, "2.5", 2.5), (WARM_UP, "7", 7), (KIND, "on", "on"), (ALONE, "True", True)],
)
def test_texts_are_parsed_to_the_type_of_the_option(
    option: Option, text: str, value: object
) -> None:
    parsed = option.parse(text)
    assert (parsed, type(parsed)) == (value, type(value))


@pytest.mark.parametrize(
    ("option", "text", "requirement"),
    [
        (BETA, "much", "be a number"),
        (BETA, "nan", "be a finite number"),
        (WARM_UP, "2.5", "be a whole number"),
        (KIND, "maybe", "be one of off, on"),
        (ALONE, "1", "be true or false"),
    ],
)
def test_invalid_texts_give_one_sentence(option: Option, text: str, requirement: str) -> None:
    with pytest.raises(UserError, match=f"^The option {option.name} must {requirement} "):
        option.parse(text)
