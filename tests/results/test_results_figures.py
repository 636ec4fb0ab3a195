"""Figures of recipes: whose they are, how they are counted, and how they ship."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.examples import TINY
from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.published import recipe_results as room
from tsexplorer.published.recipe_results import (
    command,
    experiment_of,
    measured,
    same_settings,
    ship,
    shipped,
)
from tsexplorer.recipes import Recipe, get_recipe
from tsexplorer.services.service import Service
from tsexplorer.settings import get_settings
from tsexplorer.specs import ROLES, ExperimentSpec
from tsexplorer.store import ExperimentSnapshot

THREE = TINY.model_copy(update={"name": "three", "seeds": (0, 1, 2)})
ACCURACY = {"teacher": 0.98, "baseline": 0.9, "distilled": 0.95}


@pytest.fixture
def service(settled: Path) -> Iterator[Service]:
    one = Service(get_settings())
    yield one
    one.close()


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """A recipe called tiny."""
    own = Recipe("tiny", "Tiny", "Tiny nets.", "these tests", TINY)
    monkeypatch.setattr(room, "get_recipe", lambda _name: own)
    return own


def trained(service: Service, spec: ExperimentSpec, **changes: Any) -> ExperimentSnapshot:
    """An experiment with figures as if it had been trained; seed s is s thousandths better."""
    experiment = service.store.add_experiment(spec, service.check(spec).stages)
    for link in experiment.stages:
        service.store.stage_started(link.stage.hash, machine="a machine")
        accuracy = ACCURACY[link.role] + link.seed / 1000
        told = {"test_accuracy": accuracy, "train_seconds": 4.0} | changes
        service.store.stage_ended(link.stage.hash, "done", **told)
    return service.experiment(experiment.id)


def test_experiments_that_differ_in_name_and_seeds_alone_are_the_same() -> None:
    assert same_settings(THREE, TINY)
    assert not same_settings(THREE.model_copy(update={"left_out": (3,)}), TINY)


def test_of_several_the_one_with_most_seeds_counts(service: Service) -> None:
    assert experiment_of(service.experiments(), TINY) is None
    trained(service, TINY)
    three = trained(service, THREE)
    found = experiment_of(service.experiments(), TINY)
    assert found is not None
    assert found.id == three.id


def test_the_demo_is_nobodys_own(service: Service) -> None:
    plain = get_recipe("best-64-plain")
    assert experiment_of(service.experiments(), plain.spec) is None
    ships = shipped(plain)
    assert ships is not None
    demo = service.experiment("demo")
    first = ships.seeds[0]
    assert first.seed == 0
    for role in ROLES:
        assert first.accuracy[role] == pytest.approx(demo.stage(0, role).test_accuracy, abs=1e-9)


def test_means_and_errors_are_over_the_seeds_that_are_done(service: Service) -> None:
    experiment = trained(service, THREE)
    found = measured(experiment)
    accuracy, errors = found.accuracy("distilled"), found.errors("distilled")
    assert accuracy is not None
    assert errors is not None
    assert accuracy.mean == pytest.approx(0.951)
    assert (errors.mean, errors.n) == (pytest.approx((25 + 24 + 24) / 3, abs=0.4), 3)
    assert found.machine == "a machine"
    service.store.reset_stage(experiment.stage(1, "baseline").hash)
    partly = measured(service.experiment(experiment.id))
    assert [one.seed for one in partly.seeds] == [0, 2]
    assert partly.spec.seeds == (0, 2)


def test_what_ships_comes_back_as_it_was(service: Service, recipe: Recipe, tmp_path: Path) -> None:
    experiment = trained(service, THREE)
    file = ship(service, "tiny", tmp_path)
    own = measured(experiment)
    assert own.spec.name == "three"  # as somebody called it
    own = replace(own, spec=own.spec.model_copy(update={"name": "tiny"}))
    assert shipped(recipe, tmp_path) == own
    content = json.loads(file.read_text())
    assert content["command"] == "python -m tsexplorer run tiny --seeds 3"
    assert content["machine"] == "a machine"
    assert content["date"] == measured(experiment).date
    # A recipe that was changed since has no figures.
    other = replace(recipe, spec=TINY.model_copy(update={"left_out": (1,)}))
    assert shipped(other, tmp_path) is None


def test_too_little_does_not_ship(service: Service, recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not trained here; do so: python -m tsexplorer run tiny"):
        ship(service, recipe.name)
    trained(service, TINY)
    with pytest.raises(UserError, match="fewer than 3 seeds, or not in all its parts"):
        ship(service, recipe.name)
    assert not (room.RESULTS / "tiny.json").exists()
    assert ship(service, recipe.name, tmp_path).exists()


def test_only_recipes_ship(service: Service) -> None:
    with pytest.raises(NotFoundError, match="no recipe called 'slow'"):
        ship(service, "slow")


def test_files_that_ship_are_of_recipes_as_they_stand() -> None:
    for file in room.RESULTS.glob("*.json"):
        found = shipped(get_recipe(file.stem))
        assert found is not None, f"{file} is of other settings than its recipe"
        assert len(found.seeds) >= get_recipe(file.stem).seeds
        content = json.loads(file.read_text())
        assert content["command"] == command(file.stem, len(found.seeds))
