"""Tunings in the queue: searched, pruned, repeated, stopped, killed and resumed."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.examples import start_study
from tests.jobs.jobs_examples import ended, load_few, settings, wait_until
from tests.jobs.jobs_processes import run_elsewhere, tune_until_killed
from tests.jobs.sweeps_examples import CONVOLVED, tuned, tuning
from tsexplorer.services.demo import RECIPES
from tsexplorer.services.service import Service
from tsexplorer.settings import Settings
from tsexplorer.studies.tuning.kind import TuningResults


def told(figures: TuningResults) -> tuple[Any, ...]:
    """All that a tuning says in the end, but for times."""
    return figures.trials, figures.repeats


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, ...]:
    """What comes of a tuning that nobody stops."""
    home = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tsexplorer.jobs.job_runner.load_splits", load_few)
        service = Service(settings(home))
        tuned(service, tuning())
        found = told(service.studies.results("tuned"))
        service.close()
    return found


def test_from_the_first_trial_to_the_suggestion(service: Service, home: Path) -> None:
    tuned(service, tuning())
    figures = service.studies.results("tuned")
    assert (figures.count("running"), len(figures.trials)) == (0, 9)
    assert figures.count("pruned") > 0
    stages = {link.stage.hash: link.stage for link in service.store.experiment("tuned").stages}
    for one in figures.trials:
        [student] = figures.tune.spec.students(one.setting, (0,))
        stage, trained = stages[student.hash], (home / "stages" / student.hash)
        if one.state == "done":
            assert (stage.status, stage.validation_accuracy) == ("done", one.accuracy)
            assert (trained / "weights.safetensors").exists()
        else:
            assert (stage.status, stage.validation_accuracy) == ("pruned", None)
            assert not (trained / "weights.safetensors").exists()
            assert stage.epochs_done == max(one.judged)
    suggestion = figures.repeats.suggestion
    assert suggestion is not None
    seeds = figures.tune.spec.repeat_seed_values
    keys = [one.hash for one in figures.tune.spec.students(suggestion.result.cell, seeds)]
    read = [stages[key].test_accuracy or 0.0 for key in keys]
    assert suggestion.test.mean == pytest.approx(sum(read) / len(read))
    assert suggestion.result.accuracy.seeds == len(seeds) == 2
    assert len(suggestion.others) == 1
    assert figures.repeats.map.baseline_rate in figures.tune.spec.baseline_rates
    assert list((home / "sweeps").iterdir()) == []


def test_pruned_student_is_trained_when_an_experiment_wants_it(service: Service) -> None:
    tuned(service, tuning())
    figures = service.studies.results("tuned")
    pruned = next(one for one in figures.trials if one.state == "pruned")
    wanted = figures.tune.spec.experiment(pruned.setting)
    job = service.start(wanted)
    assert ended(service, job).status == "done"
    stage = service.experiment(wanted.name).stage(0, "distilled")
    epochs = wanted.distilled_train.epochs
    assert [row.epoch for row in service.store.epochs(stage.hash)] == list(range(1, epochs + 1))


def test_asked_for_again_nothing_is_trained(service: Service) -> None:
    small = tuning(trials=2, per_round=2, repeats=1, baselines=1)
    first = tuned(service, small)
    before = told(service.studies.results("tuned"))
    again = tuned(service, small)
    assert again.job != first.job
    assert told(service.studies.results("tuned")) == before


def test_students_one_after_the_other(service: Service) -> None:
    tuned(service, tuning(student=CONVOLVED, trials=5, per_round=4, seeds=1, search_seeds=2))
    figures = service.studies.results("tuned")
    assert figures.count("running") == 0
    assert figures.repeats.suggestion is not None


def test_cancelled_in_the_midst_it_goes_on_as_it_would_have(
    service: Service, whole: tuple[Any, ...]
) -> None:
    started = start_study(service, tuning(), "tuned")
    job = started.job or 0
    for done in (1, 4):
        wait_until(lambda done=done: service.studies.get("tuned").nets_done > done)
        service.cancel(job)
        if ended(service, service.store.job(job)).status == "cancelled":
            service.resume(job)
    wait_until(lambda: service.store.job(job).status == "done")
    assert told(service.studies.results("tuned")) == whole


def test_killed_in_the_midst_it_goes_on_as_it_would_have(
    home: Path, open_service: Callable[[Settings], Service], whole: tuple[Any, ...]
) -> None:
    assert (
        run_elsewhere(tune_until_killed, home, tuning(), "chunk checkpoint", 5) == -signal.SIGKILL
    )
    service = open_service(settings(home))
    found = service.studies.get("tuned")
    assert found.status == "interrupted"
    service.resume(found.job or 0)
    assert ended(service, service.store.job(found.job or 0)).status == "done"
    assert told(service.studies.results("tuned")) == whole


def test_deleted_with_its_search(service: Service, home: Path) -> None:
    found = tuned(service, tuning(trials=2, per_round=2, repeats=1, baselines=1))
    with service.store.studying() as storage:
        assert [one.study_name for one in storage.get_all_studies()] == [found.id]
    service.delete("tuned")
    assert service.studies.all("tuning") == ()
    assert [one.name for one in (home / "stages").iterdir()] == []
    with service.store.studying() as storage:
        assert storage.get_all_studies() == []


def test_suggestion_becomes_an_experiment(service: Service) -> None:
    tuned(service, tuning(trials=2, per_round=2, repeats=1, baselines=1))
    adopted = service.studies.make_experiment("tuned")
    suggestion = service.studies.results("tuned").repeats.suggestion
    assert suggestion is not None
    assert adopted.spec.objective.temperature == suggestion.result.cell.temperature
    assert adopted.stage(0, "distilled").status == "done"
    assert [one.id for one in service.experiments() if one.name not in RECIPES] == [adopted.id]
    assert service.studies.all("sweep") == ()
