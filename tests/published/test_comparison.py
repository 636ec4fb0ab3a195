"""The comparison of a recipe's students: ranking, notes, missing results, and its file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.examples import TINY
from tests.published.recipe_examples import THREE_SEEDS, record_trained
from tsexplorer.errors import UserError
from tsexplorer.published import recipe_results
from tsexplorer.published.comparison import BASELINE, compare_students
from tsexplorer.published.recipe_results import (
    RecipeResults,
    collect_recipe_results,
    load_results,
    write_results,
)
from tsexplorer.recipes import Recipe
from tsexplorer.recipes.base import make_rival
from tsexplorer.services.service import Service
from tsexplorer.specs import ExperimentSpec, ObjectiveSpec

TINY_THREE = THREE_SEEDS.model_copy(update={"name": "tiny"})
HOT = make_rival("tiny", "hot", TINY, objective=ObjectiveSpec(name="hinton", temperature=9.0))
COLD = make_rival("tiny", "cold", TINY, objective=ObjectiveSpec(name="hinton", temperature=1.0))


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """A recipe with the students warm, hot and cold, the only one."""
    tiny = Recipe("tiny", "Tiny", "Tiny nets.", "these tests", TINY, own_title="warm")
    tiny = replace(tiny, rivals=(HOT, COLD))
    monkeypatch.setattr(recipe_results, "get_recipe", lambda _name: tiny)
    return tiny


def with_three_seeds(spec: ExperimentSpec) -> ExperimentSpec:
    return spec.model_copy(update={"seeds": (0, 1, 2)})


def record_all(service: Service, hot: float = 0.97, cold: float = 0.93) -> None:
    """Record warm at 95 %, hot and cold at theirs; seeds differ by about a thousandth.

    One seed, another one for each student, is a ten-thousandth higher, so that the differences
    between two students are not equal for all seeds.
    """
    tiny = record_trained(service, TINY_THREE, validation_accuracy=0.8)
    last = tiny.stage(2, "baseline")
    accuracy = (last.test_accuracy or 0) + 1 / 10_000
    service.store.record_stage_ended(last.hash, "done", test_accuracy=accuracy, train_seconds=4.0)
    for rival, accuracy, higher_seed in ((HOT, hot, 1), (COLD, cold, 0)):
        spec = with_three_seeds(rival.spec)
        experiment = service.store.add_experiment(spec, service.check(spec).stages)
        for link in experiment.stages:
            if link.role == "distilled":
                service.store.record_stage_started(link.stage.hash, machine="a machine")
                service.store.record_stage_ended(
                    link.stage.hash,
                    "done",
                    test_accuracy=accuracy + link.seed / 1000 + (link.seed == higher_seed) / 10_000,
                    validation_accuracy=1 - accuracy,  # ranked in the opposite order
                    train_seconds=3.0,
                )


def collect(service: Service, recipe: Recipe) -> RecipeResults:
    results = collect_recipe_results(service.experiments(), recipe)
    assert results is not None
    return results


def test_shared_nets_count_once_in_the_time(service: Service, recipe: Recipe) -> None:
    record_all(service)
    results = collect(service, recipe)
    assert results.seconds == 9 * 4.0
    assert [rival.seconds for rival in results.rivals] == [3 * 3.0] * 2
    assert results.total_seconds == 36 + 18


def test_students_are_ranked_with_the_baseline(service: Service, recipe: Recipe) -> None:
    record_all(service)
    comparison = compare_students(recipe, collect(service, recipe))
    assert comparison is not None
    students = comparison.places
    assert [student.title for student in students] == ["hot", "warm", "cold", BASELINE]
    assert comparison.against == BASELINE
    assert [student.verdict for student in students] == ["better"] * 3 + ["open"]
    assert [student.tied for student in students] == [True, False, False, False]
    assert comparison.notes[0] == "hot is ahead of all others by more than its interval."


def test_notes_name_students_tied_with_the_first(service: Service, recipe: Recipe) -> None:
    record_all(service, hot=0.95003)
    comparison = compare_students(recipe, collect(service, recipe))
    assert comparison is not None
    assert comparison.notes[0] == "Cannot be told apart from the first: warm."


def test_the_reference_is_chosen_on_validation(service: Service, recipe: Recipe) -> None:
    record_all(service)
    with_references = replace(recipe, reference_titles=("hot", "cold"))
    comparison = compare_students(with_references, collect(service, with_references))
    assert comparison is not None
    assert comparison.against == "cold"
    assert "it is the best of 2 on validation" in comparison.notes[1]


def test_means_are_over_the_seeds_that_all_have(service: Service, recipe: Recipe) -> None:
    record_all(service)
    results = collect(service, recipe)
    rivals = tuple(replace(rival, seeds=rival.seeds[1:]) for rival in results.rivals)
    comparison = compare_students(recipe, replace(results, rivals=rivals))
    assert comparison is not None
    assert comparison.seeds == (1, 2)
    assert {student.accuracy.n for student in comparison.places} == {2}
    means = {student.title: student.accuracy.mean for student in comparison.places}
    assert means["warm"] == pytest.approx(
        sum(seed.accuracy["distilled"] for seed in results.seeds[1:]) / 2
    )
    assert "Means are over seeds 1, 2; ± is the 95 % interval over them" in comparison.notes[2]


def test_rivals_without_results_are_named(service: Service, recipe: Recipe) -> None:
    record_all(service)
    results = collect(service, recipe)
    hot, cold = results.rivals
    comparison = compare_students(recipe, replace(results, rivals=(hot, replace(cold, seeds=()))))
    assert comparison is not None
    assert comparison.seeds == (0, 1, 2)
    assert comparison.missing == ("cold",)
    assert comparison.notes[-1] == "Without figures yet: cold."
    no_rivals = tuple(replace(rival, seeds=()) for rival in results.rivals)
    alone = compare_students(recipe, replace(results, rivals=no_rivals))
    assert alone is not None
    assert [student.title for student in alone.places] == ["warm", BASELINE]


def test_without_a_common_seed_nothing_is_compared(service: Service, recipe: Recipe) -> None:
    record_all(service)
    results = collect(service, recipe)
    hot, _ = results.rivals
    other_seeds = tuple(replace(seed, seed=seed.seed + 9) for seed in hot.seeds)
    rivals = (replace(hot, seeds=other_seeds),)
    assert compare_students(recipe, replace(results, rivals=rivals)) is None


def test_without_rivals_nothing_is_compared(service: Service, recipe: Recipe) -> None:
    record_trained(service, TINY_THREE)
    assert compare_students(recipe, collect(service, recipe)) is None
    alone = replace(recipe, rivals=())
    assert compare_students(alone, collect(service, alone)) is None


def test_a_comparison_is_written_only_complete(
    service: Service, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipe_results, "RESULTS", tmp_path)
    record_trained(service, TINY_THREE)
    with pytest.raises(UserError, match="tiny needs 3 seeds of all its experiments before"):
        write_results(service, recipe.name, tmp_path)
    record_all(service)
    file = write_results(service, recipe.name, tmp_path)
    assert load_results(recipe, tmp_path) == collect(service, recipe)
    content = json.loads(file.read_text())
    assert [rival["spec"]["name"] for rival in content["rivals"]] == ["tiny: hot", "tiny: cold"]
    # A file does not fit a recipe whose rivals were changed afterwards.
    assert load_results(replace(recipe, rivals=(HOT,)), tmp_path) is None
