"""Options say what they take, and hash only where they differ from what they would be anyway."""

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


def spec(**options: object) -> ObjectiveSpec:
    return ObjectiveSpec(name="made", options=options)


def test_what_is_not_given_is_the_default() -> None:
    assert OBJECTIVE.settings(spec(kind="on")) == {
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
def test_bad_values_get_one_sentence(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        OBJECTIVE.settings(spec(**options))
    assert str(caught.value) == sentence


def test_an_objective_without_options_says_so() -> None:
    with pytest.raises(UserError, match="has no option 'beta'; remove it"):
        get_objective("hinton").option_values(ObjectiveSpec(options={"beta": 1}))


def test_a_default_that_is_written_out_hashes_as_if_it_were_not() -> None:
    assert OBJECTIVE.tidied(spec(beta=8, kind="off")) == spec()
    assert OBJECTIVE.tidied(spec(beta=2, kind="off")) == spec(beta=2)
    assert OBJECTIVE.tidied(spec()).hash == spec().hash


def test_what_is_told_of_it_is_t_lambda_and_what_is_not_as_usual() -> None:
    given = spec(beta=2, kind="on").model_copy(update={"temperature": 4.0, "lam": 0.25})
    numbers = (("T", "4"), ("λ", "0.25"), ("beta", "2"), ("kind", "on"))
    assert OBJECTIVE.told(given) == numbers
    assert (
        OBJECTIVE.in_words(given) == f"{OBJECTIVE.convention}, T = 4, λ = 0.25, beta = 2, kind = on"
    )
    assert OBJECTIVE.format_grid_convention(given) == f"{OBJECTIVE.convention}, beta = 2, kind = on"
    assert OBJECTIVE.format_grid_convention(spec(beta=8)) == OBJECTIVE.convention


@pytest.mark.parametrize(
    ("option", "text", "value"),
    [(BETA, "2.5", 2.5), (WARM_UP, "7", 7), (KIND, "on", "on"), (ALONE, "True", True)],
)
def test_a_text_is_read_as_the_options_own_type(option: Option, text: str, value: object) -> None:
    found = option.read(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("option", "text", "demand"),
    [
        (BETA, "much", "be a number"),
        (BETA, "nan", "be a finite number"),
        (WARM_UP, "2.5", "be a whole number"),
        (KIND, "maybe", "be one of off, on"),
        (ALONE, "1", "be true or false"),
    ],
)
def test_a_text_that_stands_for_nothing_is_one_sentence(
    option: Option, text: str, demand: str
) -> None:
    with pytest.raises(UserError, match=f"^The option {option.name} must {demand} "):
        option.read(text)
