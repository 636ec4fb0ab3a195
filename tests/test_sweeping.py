"""What the service says of sweeps, before, while and after they train."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.examples import start_study
from tests.jobs.jobs_examples import few_images, load_few, settings, trained, wait_until
from tests.jobs.jobs_examples import spec as experiment_spec
from tests.jobs.sweeps_examples import CONVOLVED, grid, row_of, swept
from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.services.demo import RECIPES
from tsexplorer.services.service import Service
from tsexplorer.specs import DataSpec, ModelSpec, NetConfig, ObjectiveSpec, TrainSpec
from tsexplorer.store import EpochRow
from tsexplorer.studies.student_stages import Cell
from tsexplorer.studies.sweep.kind import KIND
from tsexplorer.studies.sweep.results import SweepResults


@pytest.fixture
def service(settled: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setattr("tsexplorer.jobs.job_runner.load_splits", load_few)
    monkeypatch.setattr("tsexplorer.students.cost.load_splits", load_few)
    opened = Service(settings(settled))
    yield opened
    opened.close()


# -- check and cost -----------------------------------------------------------------------------


def test_check_counts_and_trains_nothing(service: Service):
    found = service.studies.check(grid())
    assert len(found.spec.cells) == 4
    assert (found.students, found.students_trained, found.prerequisites_left) == (10, 0, 1)
    assert found.stacks
    assert found.stacking.startswith("This net has dense layers and activations only")
    assert found.memory.startswith("10 at a time take about ")
    assert service.jobs() == ()
    assert service.studies.all("sweep") == ()


def test_check_says_what_is_trained_already(service: Service):
    swept(service, grid())
    found = service.studies.check(grid(temperatures=(4.0, 7.0)))
    # Of two baselines, two lambdas, two temperatures and two seeds: all but those at T 7.
    assert (found.students, found.students_trained, found.prerequisites_left) == (10, 6, 0)


def test_check_of_nets_that_train_one_by_one(service: Service):
    found = service.studies.check(grid(student=CONVOLVED))
    assert not found.stacks
    assert found.stacking.endswith("its students train one after the other.")
    assert found.memory.startswith("One at a time takes about ")


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
def test_what_cannot_be_is_said_in_one_sentence(service: Service, changes, sentence: str):
    for ask in (
        service.studies.check,
        service.studies.cost,
        lambda one: start_study(service, one, "x"),
    ):
        with pytest.raises(UserError, match=sentence):
            ask(grid(**changes))
    assert service.jobs() == ()


def test_more_than_fits_into_memory_is_refused(service: Service, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tsexplorer.studies.kind.available_memory", lambda: 10**6)
    with pytest.raises(UserError, match=r"One student of this net needs about .* smaller net"):
        service.studies.check(grid())


def test_data_that_is_not_there_is_said_before_anything_is_queued(service: Service):
    for ask in (service.studies.cost, lambda one: start_study(service, one, "x")):
        with pytest.raises(UserError, match=r"The images of mnist are not in"):
            ask(grid(data=DataSpec(name="mnist")))


def test_cost_is_of_what_is_left_and_measured_once(
    service: Service, monkeypatch: pytest.MonkeyPatch
):
    first = service.studies.cost(grid())
    assert 0 < first < 60
    # All kinds are known now: measuring again would have to train.
    monkeypatch.delattr("tsexplorer.students.cost.run_chunk")
    assert service.studies.cost(grid()) == first


def test_nothing_left_costs_nothing(service: Service):
    swept(service, grid())
    assert service.studies.cost(grid()) == 0


# -- keeping ------------------------------------------------------------------------------------


def test_started_sweep_is_found_by_id_and_name(service: Service):
    sweep = swept(service, grid())
    assert service.studies.get(sweep.id) == service.studies.get("map") == sweep
    assert sweep.spec == KIND.renamed(grid(), "map")
    assert service.studies.all("sweep") == (sweep,)
    assert [one.name for one in service.experiments()] == list(RECIPES)
    with pytest.raises(NotFoundError, match='no sweep "demo"'):
        service.studies.get("demo", "sweep")
    for read in (service.studies.get, service.studies.results):
        with pytest.raises(NotFoundError, match='no study "gone"'):
            read("gone")
    with pytest.raises(NotFoundError, match='"map" is a sweep; open it on the page'):
        service.experiment(sweep.id)


def test_sweep_in_the_queue_is_not_queued_twice(service: Service):
    endless = grid(distilled_train=TrainSpec(epochs=10_000))
    first = start_study(service, endless, "map")
    assert start_study(service, endless, "map").job == first.job
    service.cancel(first.job or 0)


def test_name_is_free_once_for_each_grid(service: Service):
    swept(service, grid())
    assert service.studies.free_name(grid(), "map") == "map"
    assert service.studies.free_name(grid(seeds=(0,)), "map") == "map (2)"
    assert service.free_name(KIND.renamed(grid(), "map").base, "map") == "map (2)"


def test_name_that_is_too_long_is_refused(service: Service):
    with pytest.raises(UserError, match="name: string should have at most 80 characters"):
        start_study(service, grid(), "x" * 81)


def test_deleted_sweep_leaves_what_experiments_use(service: Service, home: Path):
    sweep = swept(service, grid())
    cell = sweep.spec.cells[0]
    adopted = service.studies.make_experiment("map", cell)
    job = service.watch(adopted.id).job
    assert job is not None
    trained(service, job)
    service.delete(sweep.id)
    assert service.studies.all("sweep") == ()
    kept = {link.stage.hash for link in service.experiment(adopted.id).stages}
    assert {folder.name for folder in (home / "stages").iterdir()} == kept
    assert not (home / "sweeps" / sweep.id).exists()


def test_running_sweep_is_not_deleted(service: Service):
    started = start_study(service, grid(distilled_train=TrainSpec(epochs=10_000)), "map")
    wait_until(lambda: service.studies.get("map").status == "running")
    with pytest.raises(UserError, match='The sweep "map" is being trained'):
        service.delete("map")
    service.cancel(started.job or 0)


# -- figures ------------------------------------------------------------------------------------


def test_figures_of_a_sweep_that_is_done(service: Service):
    sweep = swept(service, grid())
    figures = service.studies.results("map")
    stages = {link.stage.hash: link.stage for link in row_of(service, sweep).stages}
    students = {one.hash for one in sweep.spec.students}
    assert figures.sweep == sweep
    assert figures.done == figures.scores.keys() == figures.epochs.keys() == students
    assert set(figures.epochs.values()) == {2}
    for key, scores in figures.scores.items():
        stage = stages[key]
        assert scores.accuracy == stage.validation_accuracy
        assert scores.loss == stage.validation_loss
        assert (scores.agreement, scores.ece) == (stage.agreement, stage.ece)
    assert len(figures.map.cells) == 4
    assert figures.map.teacher is not None
    teacher = stages[sweep.spec.teacher(0).hash]
    assert figures.map.teacher.mean == teacher.validation_accuracy
    chosen = figures.chosen
    assert chosen is not None
    assert chosen.cell == figures.map.best
    read = [stages[sweep.spec.student(chosen.cell, seed).hash].test_accuracy for seed in (0, 1)]
    assert chosen.test.mean == pytest.approx(sum(one or 0 for one in read) / 2)
    assert (chosen.test.seeds, chosen.test.method) == (2, "t over seeds")


def between_epochs(service: Service, key: str) -> tuple[SweepResults, EpochRow]:
    """Figures, and a student's last epoch then: a pause is told before the run has come to it."""
    while True:
        last = service.store.epochs(key)[-1]
        figures = service.studies.results("map")
        if service.store.epochs(key)[-1].epoch == last.epoch:
            return figures, last


def test_figures_fill_while_it_trains_and_test_stays_unread(service: Service):
    sweep = start_study(service, grid(distilled_train=TrainSpec(epochs=10_000)), "map")
    wait_until(lambda: min(service.studies.results("map").epochs.values()) >= 2)
    service.pause(sweep.job or 0)
    wait_until(lambda: service.studies.get("map").status == "paused")
    figures, last = between_epochs(service, key := sweep.spec.students[0].hash)
    assert len(figures.map.cells) == 4
    assert (figures.done, figures.chosen) == (frozenset(), None)
    assert figures.scores[key].accuracy == last.validation_accuracy
    assert figures.scores[key].loss == last.validation_loss
    assert figures.scores[key].agreement is not None
    service.cancel(sweep.job or 0)


def test_wilson_of_the_images_there_are_with_one_seed(service: Service):
    swept(service, grid(seeds=(3,)))
    figures = service.studies.results("map")
    assert figures.chosen is not None
    assert figures.chosen.test.method == "binomial over images"
    assert len(few_images().test) == 40


def test_adopted_cell_must_be_of_the_grid(service: Service):
    swept(service, grid(student=ModelSpec(name="custom", net=NetConfig(dense=(5,)))))
    with pytest.raises(NotFoundError, match="no such cell"):
        service.studies.make_experiment("map", Cell(3.0, 0.5, 0.01))


def test_adopted_cell_gets_a_free_name(service: Service):
    sweep = swept(service, grid())
    cell = sweep.spec.cells[0]
    wish = sweep.spec.experiment(cell).name
    trained(service, service.start(experiment_spec(wish)))
    assert service.studies.make_experiment("map", cell).name == f"{wish} (2)"
