"""``run`` of a recipe with rivals: all experiments are trained and ranked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.cli.conftest import TOY, Shell, document
from tsexplorer import recipes
from tsexplorer.recipes import Recipe
from tsexplorer.recipes.base import make_rival
from tsexplorer.services.demo import RECIPES
from tsexplorer.services.service import Service
from tsexplorer.specs import ExperimentSpec, ObjectiveSpec, parse_spec

NAME = "toys"


@pytest.fixture(autouse=True)
def toy_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recipe "toys" with one rival at another temperature."""
    spec = parse_spec(ExperimentSpec, TOY | {"name": NAME})
    hot = make_rival(NAME, "hot", spec, objective=ObjectiveSpec(name="hinton", temperature=9.0))
    recipe = Recipe(NAME, "Toys", "Toy nets.", "these tests", spec, own_title="warm")
    recipe = replace(recipe, rivals=(hot,))
    monkeypatch.setattr(recipes, "load_recipes", lambda: {NAME: recipe, "quick": recipe})


def test_all_experiments_are_trained_and_ranked(shell: Shell, service: Service) -> None:
    printed = document(shell("run", NAME, "--seeds", "2", "--json"))
    assert list(printed) == ["recipe", "entries", "contest"]
    assert [entry["title"] for entry in printed["entries"]] == ["warm", "hot"]
    assert "T = 9" in printed["entries"][1]["loss"]
    warm, hot = (entry["seeds"] for entry in printed["entries"])
    assert len(warm) == len(hot) == 2
    for role in ("teacher", "baseline"):  # both experiments share these nets
        assert warm[0]["stages"][role] == hot[0]["stages"][role]
    assert warm[0]["stages"]["distilled"]["id"] != hot[0]["stages"]["distilled"]["id"]
    names = {experiment.name for experiment in service.experiments()}
    assert names == {NAME, "toys: hot", *RECIPES}


def test_json_has_the_ranking_with_all_fields(shell: Shell) -> None:
    ranking = document(shell("run", NAME, "--seeds", "2", "--json"))["contest"]
    assert set(ranking) == {"places", "against", "chosen", "seeds", "missing"}
    assert (ranking["against"], ranking["seeds"]) == ("baseline", [0, 1])
    students = ranking["places"]
    assert {student["title"] for student in students} == {"warm", "hot", "baseline"}
    fields = {"title", "accuracy", "difference", "verdict", "tied"}
    assert all(set(student) == fields for student in students)
    assert set(students[0]["accuracy"]) == {"mean", "half", "n"}
    means = [student["accuracy"]["mean"] for student in students]
    assert means == sorted(means, reverse=True)


def test_table_explains_its_figures(shell: Shell) -> None:
    table = shell("run", NAME, "--seeds", "2").stdout
    assert "less baseline" in table
    assert "Differences are from baseline, seed by seed, in points" in table
    assert "test (500 images) read once." in table
    text = " ".join(table.split())
    assert "Means are over seeds 0, 1; ± is" in text
    assert "Loss of hot: hinton: λ·CE + (1 − λ)·T²·KL, nats, batch mean, T = 9" in text
    assert "Loss of the baseline: " in text
    assert "Trained on " in text


def test_changed_recipe_is_trained_without_its_rivals(shell: Shell, service: Service) -> None:
    printed = document(shell("run", NAME, "--objective", "vanilla", "--json"))
    assert list(printed) == ["experiment", "seeds", "mean", "interval"]
    assert "toys: hot" not in {experiment.name for experiment in service.experiments()}
