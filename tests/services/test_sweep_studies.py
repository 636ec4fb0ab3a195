"""Sweeps in the service: check, cost, storage, results."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.examples import start_study
from tests.jobs.experiment_examples import few_images, trained, wait_until
from tests.jobs.experiment_examples import spec as experiment_spec
from tests.jobs.study_examples import CONVOLUTIONAL, sweep_spec, train_sweep, with_stages
from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.services.demo import RECIPES
from tsexplorer.services.service import Service
from tsexplorer.specs import DataSpec, ModelSpec, NetConfig, ObjectiveSpec, TrainSpec
from tsexplorer.store import EpochRow
from tsexplorer.studies.student_stages import Cell
from tsexplorer.studies.sweep.kind import KIND
from tsexplorer.studies.sweep.results import SweepResults

# -- check and cost -----------------------------------------------------------------------------


def test_check_counts_students_and_trains_nothing(service: Service):
    check = service.studies.check(sweep_spec())
    assert len(check.spec.cells) == 4
    assert (check.students, check.students_trained, check.prerequisites_left) == (10, 0, 1)
    assert check.stacks
    assert check.stacking.startswith("This net has dense layers and activations only")
    assert check.memory.startswith("10 at a time take about ")
    assert service.jobs() == ()
    assert service.studies.all("sweep") == ()


def test_check_counts_the_students_that_are_trained(service: Service):
    train_sweep(service, sweep_spec())
    check = service.studies.check(sweep_spec(temperatures=(4.0, 7.0)))
    # All baselines, and the students at T = 4: 2 baselines, 2 λ × 2 seeds.
    assert (check.students, check.students_trained, check.prerequisites_left) == (10, 6, 0)


def test_check_of_a_net_that_cannot_be_stacked(service: Service):
    check = service.studies.check(sweep_spec(student=CONVOLUTIONAL))
    assert not check.stacks
    assert check.stacking.endswith("its students train one after the other.")
    assert check.memory.startswith("One at a time takes about ")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"objective": ObjectiveSpec(name="labels")},
            r"The objective 'labels' has no T and λ to sweep over; choose one of hinton",
        ),
        ({"student": ModelSpec(name="nothing")}, "There is no net called 'nothing'"),
        ({"data": DataSpec(name="nothing")}, "There is no dataset called 'nothing'"),
        (
            {"distilled_train": TrainSpec(batch_size=5_000)},
            r"The batch size 5,000 is larger than the 4,000 training images",
        ),
        (
            {"seeds": tuple(range(100)), "temperatures": tuple(range(1, 27)), "lambdas": (0.5,)},
            r"This grid has 2,600 students; .* at most 2,500\.",
        ),
    ],
)
def test_invalid_sweep_is_an_error(service: Service, changes, sentence: str):
    for method in (
        service.studies.check,
        service.studies.cost,
        lambda sweep: start_study(service, sweep, "x"),
    ):
        with pytest.raises(UserError, match=sentence):
            method(sweep_spec(**changes))
    assert service.jobs() == ()


def test_student_that_exceeds_the_memory_is_an_error(
    service: Service, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tsexplorer.studies.kind.available_memory", lambda: 10**6)
    with pytest.raises(UserError, match=r"One student of this net needs about .* smaller net"):
        service.studies.check(sweep_spec())


def test_missing_data_is_an_error_before_queueing(service: Service):
    for method in (service.studies.cost, lambda sweep: start_study(service, sweep, "x")):
        with pytest.raises(UserError, match=r"The images of mnist are not in"):
            method(sweep_spec(data=DataSpec(name="mnist")))


def test_cost_is_measured_once(service: Service, monkeypatch: pytest.MonkeyPatch):
    first = service.studies.cost(sweep_spec())
    assert 0 < first < 60
    # The times of all nets are cached: another measurement would have to train.
    monkeypatch.delattr("tsexplorer.students.cost.run_chunk")
    assert service.studies.cost(sweep_spec()) == first


def test_cost_of_a_finished_sweep_is_zero(service: Service):
    train_sweep(service, sweep_spec())
    assert service.studies.cost(sweep_spec()) == 0


# -- storage ------------------------------------------------------------------------------------


def test_sweep_is_found_by_id_and_name(service: Service):
    sweep = train_sweep(service, sweep_spec())
    assert service.studies.get(sweep.id) == service.studies.get("map") == sweep
    assert sweep.spec == KIND.renamed(sweep_spec(), "map")
    assert service.studies.all("sweep") == (sweep,)
    assert [experiment.name for experiment in service.experiments()] == list(RECIPES)
    with pytest.raises(NotFoundError, match='no sweep "demo"'):
        service.studies.get("demo", "sweep")
    for method in (service.studies.get, service.studies.results):
        with pytest.raises(NotFoundError, match='no study "gone"'):
            method("gone")
    with pytest.raises(NotFoundError, match='"map" is a sweep; open it on the page'):
        service.experiment(sweep.id)


def test_sweep_in_the_queue_is_not_queued_twice(service: Service):
    endless = sweep_spec(distilled_train=TrainSpec(epochs=10_000))
    first = start_study(service, endless, "map")
    assert start_study(service, endless, "map").job == first.job
    service.cancel(first.job or 0)


def test_free_name_depends_on_the_grid(service: Service):
    train_sweep(service, sweep_spec())
    assert service.studies.free_name(sweep_spec(), "map") == "map"
    assert service.studies.free_name(sweep_spec(seeds=(0,)), "map") == "map (2)"
    assert service.free_name(KIND.renamed(sweep_spec(), "map").base, "map") == "map (2)"


def test_name_that_is_too_long_is_an_error(service: Service):
    with pytest.raises(UserError, match="name: string should have at most 80 characters"):
        start_study(service, sweep_spec(), "x" * 81)


def test_deleting_a_sweep_keeps_stages_of_experiments(service: Service, home: Path):
    sweep = train_sweep(service, sweep_spec())
    cell = sweep.spec.cells[0]
    adopted = service.studies.make_experiment("map", cell)
    job = service.watch(adopted.id).job
    assert job is not None
    trained(service, job)
    service.delete(sweep.id)
    assert service.studies.all("sweep") == ()
    remaining = {link.stage.hash for link in service.experiment(adopted.id).stages}
    assert {folder.name for folder in (home / "stages").iterdir()} == remaining
    assert not (home / "sweeps" / sweep.id).exists()


def test_running_sweep_cannot_be_deleted(service: Service):
    started = start_study(service, sweep_spec(distilled_train=TrainSpec(epochs=10_000)), "map")
    wait_until(lambda: service.studies.get("map").status == "running")
    with pytest.raises(UserError, match='The sweep "map" is being trained'):
        service.delete("map")
    service.cancel(started.job or 0)


# -- results ------------------------------------------------------------------------------------


def test_results_of_a_finished_sweep(service: Service):
    sweep = train_sweep(service, sweep_spec())
    results = service.studies.results("map")
    stages = {link.stage.hash: link.stage for link in with_stages(service, sweep).stages}
    students = {student.hash for student in sweep.spec.students}
    assert results.sweep == sweep
    assert results.done == results.scores.keys() == results.epochs.keys() == students
    assert set(results.epochs.values()) == {2}
    for key, scores in results.scores.items():
        stage = stages[key]
        assert scores.accuracy == stage.validation_accuracy
        assert scores.loss == stage.validation_loss
        assert (scores.agreement, scores.ece) == (stage.agreement, stage.ece)
    assert len(results.map.cells) == 4
    assert results.map.teacher is not None
    teacher = stages[sweep.spec.teacher(0).hash]
    assert results.map.teacher.mean == teacher.validation_accuracy
    chosen = results.chosen
    assert chosen is not None
    assert chosen.cell == results.map.best
    accuracies = [
        stages[sweep.spec.student(chosen.cell, seed).hash].test_accuracy for seed in (0, 1)
    ]
    assert chosen.test.mean == pytest.approx(sum(accuracies) / 2)
    assert (chosen.test.seeds, chosen.test.method) == (2, "t over seeds")


def between_epochs(service: Service, key: str) -> tuple[SweepResults, EpochRow]:
    """Results and the last epoch of a student at the same time.

    After the request to pause, the run may still record an epoch.
    """
    while True:
        last = service.store.epochs(key)[-1]
        results = service.studies.results("map")
        if service.store.epochs(key)[-1].epoch == last.epoch:
            return results, last


def test_results_during_training_have_no_test_accuracy(service: Service):
    sweep = start_study(service, sweep_spec(distilled_train=TrainSpec(epochs=10_000)), "map")
    wait_until(lambda: min(service.studies.results("map").epochs.values()) >= 2)
    service.pause(sweep.job or 0)
    wait_until(lambda: service.studies.get("map").status == "paused")
    results, last = between_epochs(service, key := sweep.spec.students[0].hash)
    assert len(results.map.cells) == 4
    assert (results.done, results.chosen) == (frozenset(), None)
    assert results.scores[key].accuracy == last.validation_accuracy
    assert results.scores[key].loss == last.validation_loss
    assert results.scores[key].agreement is not None
    service.cancel(sweep.job or 0)


def test_interval_of_one_seed_is_binomial_over_images(service: Service):
    train_sweep(service, sweep_spec(seeds=(3,)))
    results = service.studies.results("map")
    assert results.chosen is not None
    assert results.chosen.test.method == "binomial over images"
    assert len(few_images().test) == 40


def test_cell_outside_the_grid_is_an_error(service: Service):
    train_sweep(service, sweep_spec(student=ModelSpec(name="custom", net=NetConfig(dense=(5,)))))
    with pytest.raises(NotFoundError, match="no such cell"):
        service.studies.make_experiment("map", Cell(3.0, 0.5, 0.01))


def test_experiment_from_a_cell_gets_a_free_name(service: Service):
    sweep = train_sweep(service, sweep_spec())
    cell = sweep.spec.cells[0]
    name = sweep.spec.experiment(cell).name
    trained(service, service.start(experiment_spec(name)))
    assert service.studies.make_experiment("map", cell).name == f"{name} (2)"
