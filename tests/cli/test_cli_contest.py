"""``run`` of a recipe with rivals: all are trained, and placed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.cli.conftest import TOY, Shell, document
from tsexplorer import recipes
from tsexplorer.cli import comparison
from tsexplorer.recipes import Recipe
from tsexplorer.recipes.base import make_rival
from tsexplorer.services.demo import RECIPES
from tsexplorer.services.service import Service
from tsexplorer.specs import ExperimentSpec, ObjectiveSpec, parse_spec

NAME = "toys"


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch) -> Recipe:
    spec = parse_spec(ExperimentSpec, TOY | {"name": NAME})
    hot = make_rival(NAME, "hot", spec, objective=ObjectiveSpec(name="hinton", temperature=9.0))
    found = Recipe(NAME, "Toys", "Toy nets.", "these tests", spec, own_title="warm")
    found = replace(found, rivals=(hot,))
    monkeypatch.setattr(comparison, "get_recipe", lambda _name: found)
    monkeypatch.setattr(recipes, "load_recipes", lambda: {NAME: found, "quick": found})
    return found


def test_all_ways_are_trained_and_placed(shell: Shell, service: Service) -> None:
    found = document(shell("run", NAME, "--seeds", "2", "--json"))
    assert list(found) == ["recipe", "entries", "contest"]
    assert [one["title"] for one in found["entries"]] == ["warm", "hot"]
    warm, hot = (one["seeds"] for one in found["entries"])
    assert len(warm) == len(hot) == 2
    for role in ("teacher", "baseline"):  # which they share
        assert warm[0]["stages"][role] == hot[0]["stages"][role]
    assert warm[0]["stages"]["distilled"]["id"] != hot[0]["stages"]["distilled"]["id"]
    places = found["contest"]["places"]
    assert {one["title"] for one in places} == {"warm", "hot", "baseline"}
    means = [one["accuracy"]["mean"] for one in places]
    assert means == sorted(means, reverse=True)
    assert found["contest"]["against"] == "baseline"
    assert found["contest"]["seeds"] == [0, 1]
    assert "T = 9" in found["entries"][1]["loss"]
    assert {one.name for one in service.experiments()} == {NAME, "toys: hot", *RECIPES}


def test_the_table_says_how_to_read_it(shell: Shell) -> None:
    told = shell("run", NAME, "--seeds", "2").stdout
    assert "less baseline" in told
    assert "Differences are from baseline, seed by seed, in points" in told
    assert "test (500 images) read once." in told
    flat = " ".join(told.split())
    assert "All is over seeds 0, 1; ± is" in flat
    assert "Loss of hot: hinton: λ·CE + (1 − λ)·T²·KL, nats, batch mean, T = 9" in flat
    assert "Loss of the baseline: " in flat
    assert "Trained on " in flat


def test_a_changed_recipe_is_no_contest(shell: Shell, service: Service) -> None:
    found = document(shell("run", NAME, "--objective", "vanilla", "--json"))
    assert list(found) == ["experiment", "seeds", "mean", "interval"]
    assert "toys: hot" not in {one.name for one in service.experiments()}
