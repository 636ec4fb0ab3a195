"""Results of recipes: which experiment counts, means and errors, files and their errors."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.examples import TINY
from tests.published.recipe_examples import THREE_SEEDS, record_trained
from tsexplorer.assets import RESULTS
from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.published import recipe_results
from tsexplorer.published.recipe_results import (
    collect_results,
    find_experiment,
    load_results,
    run_command,
    same_settings,
    write_results,
)
from tsexplorer.recipes import Recipe, get_recipe
from tsexplorer.services.service import Service
from tsexplorer.specs import ROLES


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """A recipe called tiny, the only one."""
    tiny = Recipe("tiny", "Tiny", "Tiny nets.", "these tests", TINY)
    monkeypatch.setattr(recipe_results, "get_recipe", lambda _name: tiny)
    return tiny


def test_same_settings_ignores_name_and_seeds() -> None:
    assert same_settings(THREE_SEEDS, TINY)
    assert not same_settings(THREE_SEEDS.model_copy(update={"left_out": (3,)}), TINY)


def test_the_experiment_with_most_seeds_counts(service: Service) -> None:
    assert find_experiment(service.experiments(), TINY) is None
    record_trained(service, TINY)
    three = record_trained(service, THREE_SEEDS)
    experiment = find_experiment(service.experiments(), TINY)
    assert experiment is not None
    assert experiment.id == three.id


def test_the_demo_does_not_count_as_trained_here(service: Service) -> None:
    plain = get_recipe("best-64-plain")
    assert find_experiment(service.experiments(), plain.spec) is None
    results = load_results(plain)
    assert results is not None
    demo = service.experiment("demo")
    first = results.seeds[0]
    assert first.seed == 0
    for role in ROLES:
        assert first.accuracy[role] == pytest.approx(demo.stage(0, role).test_accuracy, abs=1e-9)


def test_means_and_errors_are_over_the_finished_seeds(service: Service) -> None:
    experiment = record_trained(service, THREE_SEEDS)
    results = collect_results(experiment)
    accuracy, errors = results.accuracy("distilled"), results.errors("distilled")
    assert accuracy is not None
    assert errors is not None
    assert accuracy.mean == pytest.approx(0.951)
    assert (errors.mean, errors.n) == (pytest.approx((25 + 24 + 24) / 3, abs=0.4), 3)
    assert results.machine == "a machine"
    service.store.reset_stage(experiment.stage(1, "baseline").hash)
    partial = collect_results(service.experiment(experiment.id))
    assert [seed.seed for seed in partial.seeds] == [0, 2]
    assert partial.spec.seeds == (0, 2)


def test_a_file_gives_back_the_results(service: Service, recipe: Recipe, tmp_path: Path) -> None:
    experiment = record_trained(service, THREE_SEEDS)
    file = write_results(service, "tiny", tmp_path)
    results = collect_results(experiment)
    assert results.spec.name == "three"  # its name in the store
    renamed = results.spec.model_copy(update={"name": "tiny"})
    assert load_results(recipe, tmp_path) == replace(results, spec=renamed)
    content = json.loads(file.read_text())
    assert content["command"] == "python -m tsexplorer run tiny --seeds 3"
    assert content["machine"] == "a machine"
    assert content["date"] == results.date


def test_a_file_of_other_settings_is_ignored(
    service: Service, recipe: Recipe, tmp_path: Path
) -> None:
    record_trained(service, THREE_SEEDS)
    write_results(service, "tiny", tmp_path)
    assert load_results(recipe, tmp_path) is not None
    changed = replace(recipe, spec=TINY.model_copy(update={"left_out": (1,)}))
    assert load_results(changed, tmp_path) is None


def test_too_few_seeds_are_not_written_as_ready_made(
    service: Service, recipe: Recipe, tmp_path: Path
) -> None:
    command = "To train it: python -m tsexplorer run tiny --seeds 3"
    with pytest.raises(UserError, match=f"The recipe tiny is not trained here. {command}"):
        write_results(service, recipe.name)
    record_trained(service, TINY)
    with pytest.raises(UserError, match="tiny needs 3 seeds of all its experiments before"):
        write_results(service, recipe.name)
    assert not (RESULTS / "tiny.json").exists()
    assert write_results(service, recipe.name, tmp_path).exists()


def test_an_unknown_recipe_is_refused(service: Service) -> None:
    with pytest.raises(NotFoundError, match="no recipe called 'slow'"):
        write_results(service, "slow")


@pytest.mark.parametrize("file", sorted(RESULTS.glob("*.json")), ids=lambda file: file.stem)
def test_each_ready_made_file_fits_its_recipe(file: Path) -> None:
    recipe = get_recipe(file.stem)
    results = load_results(recipe)
    assert results is not None, f"{file} has other settings than its recipe"
    assert len(results.seeds) >= recipe.seeds
    content = json.loads(file.read_text())
    assert content["command"] == run_command(recipe.name, len(results.seeds))
