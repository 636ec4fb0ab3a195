"""A recipe's contest: what is measured of it, how it is placed, shipped and run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.examples import TINY
from tests.results.test_results_figures import trained
from tsexplorer.errors import UserError
from tsexplorer.planning import PlannedStage
from tsexplorer.published import recipe_results as room
from tsexplorer.published.comparison import BASELINE, contest
from tsexplorer.published.recipe_results import Measured, measured_recipe, ship, shipped
from tsexplorer.recipes import Recipe
from tsexplorer.recipes.base import make_rival
from tsexplorer.services.service import Service
from tsexplorer.settings import get_settings
from tsexplorer.specs import ExperimentSpec, ObjectiveSpec

THREE = TINY.model_copy(update={"name": "tiny", "seeds": (0, 1, 2)})
HOT = make_rival("tiny", "hot", TINY, objective=ObjectiveSpec(name="hinton", temperature=9.0))
COLD = make_rival("tiny", "cold", TINY, objective=ObjectiveSpec(name="hinton", temperature=1.0))


@pytest.fixture
def service() -> Iterator[Service]:
    one = Service(get_settings())
    yield one
    one.close()


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Recipe:
    own = Recipe("tiny", "Tiny", "Tiny nets.", "these tests", TINY, own_title="warm")
    own = replace(own, rivals=(HOT, COLD))
    monkeypatch.setattr(room, "get_recipe", lambda _name: own)
    return own


def on_three(spec: ExperimentSpec) -> ExperimentSpec:
    return spec.model_copy(update={"seeds": (0, 1, 2)})


def all_trained(service: Service, hot: float = 0.97, cold: float = 0.93) -> None:
    """The recipe at 95 % and its rivals at theirs, the seeds of all about a thousandth apart.

    A ten-thousandth of one seed, another one for each, keeps differences from being all alike.
    """
    tiny = trained(service, THREE, validation_accuracy=0.8)
    last = tiny.stage(2, "baseline")
    accuracy = (last.test_accuracy or 0) + 1 / 10_000
    service.store.stage_ended(last.hash, "done", test_accuracy=accuracy, train_seconds=4.0)
    for one, accuracy, odd in ((HOT, hot, 1), (COLD, cold, 0)):
        found = service.store.add_experiment(on_three(one.spec), _planned(service, one.spec))
        for link in found.stages:
            if link.role == "distilled":
                service.store.stage_started(link.stage.hash, machine="a machine")
                service.store.stage_ended(
                    link.stage.hash,
                    "done",
                    test_accuracy=accuracy + link.seed / 1000 + (link.seed == odd) / 10_000,
                    validation_accuracy=1 - accuracy,  # the other way round
                    train_seconds=3.0,
                )


def _planned(service: Service, spec: ExperimentSpec) -> tuple[PlannedStage, ...]:
    return service.check(on_three(spec)).stages


def found_of(service: Service, recipe: Recipe) -> Measured:
    found = measured_recipe(service.experiments(), recipe)
    assert found is not None
    return found


def test_nets_that_rivals_share_count_once(service: Service, recipe: Recipe) -> None:
    all_trained(service)
    found = found_of(service, recipe)
    assert found.seconds == 9 * 4.0
    assert [one.seconds for one in found.rivals] == [3 * 3.0] * 2
    assert found.total_seconds == 36 + 18


def test_all_are_placed_with_the_baseline(service: Service, recipe: Recipe) -> None:
    all_trained(service)
    places = contest(recipe, found_of(service, recipe))
    assert places is not None
    assert [one.title for one in places.places] == ["hot", "warm", "cold", BASELINE]
    assert places.against == BASELINE
    assert [one.verdict for one in places.places] == ["better"] * 3 + ["open"]
    assert [one.tied for one in places.places] == [True, False, False, False]
    assert places.notes[0] == "hot is ahead of all others by more than its interval."


def test_what_cannot_be_told_apart_is_named(service: Service, recipe: Recipe) -> None:
    all_trained(service, hot=0.95003)
    places = contest(recipe, found_of(service, recipe))
    assert places is not None
    assert places.notes[0] == "Cannot be told apart from the first: warm."


def test_the_one_to_beat_is_chosen_on_validation(service: Service, recipe: Recipe) -> None:
    all_trained(service)
    held = replace(recipe, reference_titles=("hot", "cold"))
    places = contest(held, found_of(service, held))
    assert places is not None
    assert places.against == "cold"
    assert "it is the best of 2 on validation" in places.notes[1]


def test_all_is_over_the_seeds_that_all_have(service: Service, recipe: Recipe) -> None:
    """While rivals are trained, a mean of few seeds is not held against one of many."""
    all_trained(service)
    whole = found_of(service, recipe)
    partly = replace(whole, rivals=tuple(replace(one, seeds=one.seeds[1:]) for one in whole.rivals))
    places = contest(recipe, partly)
    assert places is not None
    assert places.seeds == (1, 2)
    assert {one.accuracy.n for one in places.places} == {2}
    by_title = {one.title: one.accuracy.mean for one in places.places}
    assert by_title["warm"] == pytest.approx(
        sum(one.accuracy["distilled"] for one in whole.seeds[1:]) / 2
    )
    assert "All is over seeds 1, 2; ± is the 95 % interval over them" in places.notes[2]


def test_who_is_not_there_yet_is_named(service: Service, recipe: Recipe) -> None:
    all_trained(service)
    whole = found_of(service, recipe)
    hot, cold = whole.rivals
    places = contest(recipe, replace(whole, rivals=(hot, replace(cold, seeds=()))))
    assert places is not None
    assert places.seeds == (0, 1, 2)
    assert places.missing == ("cold",)
    assert places.notes[-1] == "Without figures yet: cold."
    nobody = tuple(replace(one, seeds=()) for one in whole.rivals)
    alone = contest(recipe, replace(whole, rivals=nobody))
    assert alone is not None
    assert [one.title for one in alone.places] == ["warm", BASELINE]
    elsewhere = replace(hot, seeds=tuple(replace(one, seed=one.seed + 9) for one in hot.seeds))
    assert contest(recipe, replace(whole, rivals=(elsewhere,))) is None


def test_a_recipe_alone_is_no_contest(service: Service, recipe: Recipe) -> None:
    trained(service, THREE)
    assert contest(recipe, found_of(service, recipe)) is None
    alone = replace(recipe, rivals=())
    assert contest(alone, found_of(service, alone)) is None


def test_a_contest_ships_whole_or_not_at_all(
    service: Service, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "RESULTS", tmp_path)
    trained(service, THREE)
    with pytest.raises(UserError, match="or not in all its parts, so it does not ship"):
        ship(service, recipe.name, tmp_path)
    all_trained(service)
    file = ship(service, recipe.name, tmp_path)
    assert shipped(recipe, tmp_path) == found_of(service, recipe)
    content = json.loads(file.read_text())
    assert [one["spec"]["name"] for one in content["rivals"]] == ["tiny: hot", "tiny: cold"]
    # What ships of a recipe that has got another rival since is not its own any more.
    assert shipped(replace(recipe, rivals=(HOT,)), tmp_path) is None
