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
        get_objective("hinton").settings(ObjectiveSpec(options={"beta": 1}))


def test_a_default_that_is_written_out_hashes_as_if_it_were_not() -> None:
    assert OBJECTIVE.tidied(spec(beta=8, kind="off")) == spec()
    assert OBJECTIVE.tidied(spec(beta=2, kind="off")) == spec(beta=2)
    assert OBJECTIVE.tidied(spec()).hash == spec().hash
