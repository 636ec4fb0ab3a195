"""Tuning jobs: searched, pruned, repeated, cancelled, killed and resumed."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.examples import start_study
from tests.jobs.experiment_examples import ended, load_few, settings, wait_until
from tests.jobs.job_processes import run_in_process, train_until_killed
from tests.jobs.study_examples import CONVOLUTIONAL, train_tuning, tuning_spec
from tsexplorer.services.demo import RECIPES
from tsexplorer.services.service import Service
from tsexplorer.settings import Settings
from tsexplorer.studies.tuning.spec import TuneSpec


def trials_and_repeats(service: Service) -> tuple[Any, ...]:
    """Return the results of the tuning, except times."""
    results = service.studies.results("tuned")
    return results.trials, results.repeats


def small_spec() -> TuneSpec:
    return tuning_spec(trials=2, per_round=2, repeats=1, baselines=1)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, ...]:
    """Results of a tuning that was never stopped."""
    home = tmp_path_factory.mktemp("uninterrupted")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tsexplorer.jobs.job_runner.load_splits", load_few)
        service = Service(settings(home))
        train_tuning(service, tuning_spec())
        results = trials_and_repeats(service)
        service.close()
    return results


def test_tuning_trains_trials_repeats_and_a_suggestion(service: Service, home: Path) -> None:
    train_tuning(service, tuning_spec())
    results = service.studies.results("tuned")
    spec = results.tune.spec
    assert (results.count("running"), len(results.trials)) == (0, 9)
    assert results.count("pruned") > 0
    stages = {link.stage.hash: link.stage for link in service.store.experiment("tuned").stages}
    for trial in results.trials:
        [student] = spec.students(trial.setting, (0,))
        stage = stages[student.hash]
        weights = home / "stages" / student.hash / "weights.safetensors"
        if trial.state == "done":
            assert (stage.status, stage.validation_accuracy) == ("done", trial.accuracy)
            assert weights.exists()
        else:
            assert (stage.status, stage.validation_accuracy) == ("pruned", None)
            assert not weights.exists()
            assert stage.epochs_done == max(trial.judged)
    suggestion = results.repeats.suggestion
    assert suggestion is not None
    seeds = spec.repeat_seed_values
    students = spec.students(suggestion.result.cell, seeds)
    accuracies = [stages[student.hash].test_accuracy or 0.0 for student in students]
    assert suggestion.test.mean == pytest.approx(sum(accuracies) / len(accuracies))
    assert suggestion.result.accuracy.seeds == len(seeds) == 2
    assert len(suggestion.others) == 1
    assert results.repeats.map.baseline_rate in spec.baseline_rates
    assert list((home / "sweeps").iterdir()) == []


def test_pruned_student_is_trained_for_an_experiment(service: Service) -> None:
    train_tuning(service, tuning_spec())
    results = service.studies.results("tuned")
    pruned = next(trial for trial in results.trials if trial.state == "pruned")
    spec = results.tune.spec.experiment(pruned.setting)
    job = service.start(spec)
    assert ended(service, job).status == "done"
    stage = service.experiment(spec.name).stage(0, "distilled")
    epochs = spec.distilled_train.epochs
    assert [row.epoch for row in service.store.epochs(stage.hash)] == list(range(1, epochs + 1))


def test_repeated_tuning_trains_nothing(service: Service) -> None:
    first = train_tuning(service, small_spec())
    before = trials_and_repeats(service)
    second = train_tuning(service, small_spec())
    assert second.job != first.job
    assert trials_and_repeats(service) == before


def test_students_train_one_after_the_other(service: Service) -> None:
    spec = tuning_spec(student=CONVOLUTIONAL, trials=5, per_round=4, seeds=1, search_seeds=2)
    train_tuning(service, spec)
    results = service.studies.results("tuned")
    assert results.count("running") == 0
    assert results.repeats.suggestion is not None


def test_cancelled_tuning_resumes_to_the_same_results(
    service: Service, expected: tuple[Any, ...]
) -> None:
    started = start_study(service, tuning_spec(), "tuned")
    job = started.job or 0
    for done in (1, 4):
        wait_until(lambda done=done: service.studies.get("tuned").nets_done > done)
        service.cancel(job)
        if ended(service, service.store.job(job)).status == "cancelled":
            service.resume(job)
    wait_until(lambda: service.store.job(job).status == "done")
    assert trials_and_repeats(service) == expected


def test_killed_tuning_resumes_to_the_same_results(
    home: Path, open_service: Callable[[Settings], Service], expected: tuple[Any, ...]
) -> None:
    arguments = (home, "chunk checkpoint", 5, tuning_spec(), "tuned")
    assert run_in_process(train_until_killed, *arguments) == -signal.SIGKILL
    service = open_service(settings(home))
    tuning = service.studies.get("tuned")
    assert tuning.status == "interrupted"
    service.resume(tuning.job or 0)
    assert ended(service, service.store.job(tuning.job or 0)).status == "done"
    assert trials_and_repeats(service) == expected


def test_delete_removes_the_stages_and_the_search(service: Service, home: Path) -> None:
    tuning = train_tuning(service, small_spec())
    with service.store.optuna_storage() as storage:
        assert [search.study_name for search in storage.get_all_studies()] == [tuning.id]
    service.delete("tuned")
    assert service.studies.all("tuning") == ()
    assert list((home / "stages").iterdir()) == []
    with service.store.optuna_storage() as storage:
        assert storage.get_all_studies() == []


def test_suggestion_becomes_an_experiment(service: Service) -> None:
    train_tuning(service, small_spec())
    experiment = service.studies.make_experiment("tuned")
    suggestion = service.studies.results("tuned").repeats.suggestion
    assert suggestion is not None
    assert experiment.spec.objective.temperature == suggestion.result.cell.temperature
    assert experiment.stage(0, "distilled").status == "done"
    ids = [other.id for other in service.experiments() if other.name not in RECIPES]
    assert ids == [experiment.id]
    assert service.studies.all("sweep") == ()
