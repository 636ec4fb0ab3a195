"""Sweeps in the queue: trained, held, cancelled, killed, resumed, and their nets reused."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tsexplorer.jobs.local_chunks as sweeper_module
from tests.examples import start_study
from tests.jobs.jobs_examples import (
    ENDLESS,
    assert_same_weights,
    ended,
    load_few,
    settings,
    trained,
    wait_until,
)
from tests.jobs.jobs_processes import run_elsewhere, sweep_until_killed
from tests.jobs.sweeps_examples import CONVOLVED, grid, outcome, over, row_of, swept
from tsexplorer.jobs.epoch_log import StudentEpochLog
from tsexplorer.jobs.stage_files import stage_lock
from tsexplorer.services.service import Service
from tsexplorer.settings import Settings
from tsexplorer.specs import TrainSpec
from tsexplorer.store import StoreError
from tsexplorer.students.events import ChunkStarted, Scores, StudentEpoch
from tsexplorer.students.stacking_rule import memory_needed
from tsexplorer.training import checkpoints
from tsexplorer.training.checkpoints import CHECKPOINT

LONGER = TrainSpec(epochs=5, batch_size=30, learning_rate=0.02, keep="best")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """What comes of a sweep that nobody stops."""
    home = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tsexplorer.jobs.job_runner.load_splits", load_few)
        service = Service(settings(home))
        found = outcome(service, swept(service, grid(distilled_train=LONGER)), home)
        service.close()
    return found


def test_every_net_ends_as_a_stage_with_weights_curve_and_figures(service: Service, home: Path):
    sweep = swept(service, grid())
    assert (sweep.status, sweep.nets_done, sweep.nets) == ("done", 11, 11)
    for link in row_of(service, sweep).stages:
        stage = link.stage
        folder = home / "stages" / stage.hash
        assert {one.name for one in folder.iterdir()} == {checkpoints.WEIGHTS, ".lock"}
        assert [row.epoch for row in service.store.epochs(stage.hash)] == [1, 2]
        assert stage.validation_accuracy is not None
        assert stage.test_accuracy is not None
        assert stage.kept_epoch == 2
        assert stage.train_seconds is not None
        assert stage.train_seconds > 0
        if link.role != "teacher":
            assert (stage.parameters, stage.macs) == (784 * 9 + 9 + 9 * 10 + 10, 784 * 9 + 90)
            assert stage.machine is not None
            assert stage.machine.endswith("10 together")
            assert stage.agreement is not None
            assert stage.ece is not None
    assert list((home / "sweeps").iterdir()) == []


def test_students_of_convolutions_train_one_after_the_other(service: Service):
    sweep = swept(service, grid(student=CONVOLVED, temperatures=(2.0,), lambdas=(0.5,)))
    students = [link.stage for link in row_of(service, sweep).stages if link.role != "teacher"]
    assert len(students) == 4
    assert all("together" not in str(stage.machine) for stage in students)
    assert all(stage.agreement is not None for stage in students)
    job = service.store.job(sweep.job or 0)
    [notice] = service.progress(job).notices
    assert notice.endswith("its students train one after the other.")


def test_what_is_trained_is_not_trained_again(service: Service):
    first = swept(service, grid())
    before = {link.stage.hash: link.stage.finished_at for link in row_of(service, first).stages}
    second = swept(service, grid(temperatures=(1.0, 4.0, 9.0)), "wider")
    after = {link.stage.hash: link.stage.finished_at for link in row_of(service, second).stages}
    assert len(after) == len(before) + 4
    assert before.items() <= after.items()


@pytest.mark.usefixtures("float64")
def test_student_that_an_experiment_trained_is_asked_for_what_the_map_shows(service: Service):
    sweep = grid()
    cell = sweep.cells[1]
    alone = sweep.experiment(cell, (0,)).model_copy(update={"name": "alone"})
    key = trained(service, service.start(alone)).stage(0, "distilled").hash
    before = service.store.stage(key)
    assert (before.agreement, before.ece) == (None, None)
    swept(service, sweep)
    after = service.store.stage(key)
    assert after.finished_at == before.finished_at
    # The same student of a sweep that shares nothing with the experiment, but for rounding.
    service.delete("alone")
    service.delete("map")
    swept(service, sweep, "anew")
    again = service.store.stage(key)
    assert again.finished_at != before.finished_at
    assert after.agreement == pytest.approx(again.agreement, abs=1e-9)
    assert after.ece == pytest.approx(again.ece, abs=1e-9)


def test_net_whose_weights_are_gone_is_trained_again(service: Service, home: Path):
    sweep = swept(service, grid())
    students = [link.stage for link in row_of(service, sweep).stages if link.role != "teacher"]
    (home / "stages" / students[3].hash / checkpoints.WEIGHTS).unlink()
    again = over(service, start_study(service, grid(), "map"))
    found = {link.stage.hash: link.stage for link in row_of(service, again).stages}
    assert again.job != sweep.job
    assert (home / "stages" / students[3].hash / checkpoints.WEIGHTS).exists()
    assert found[students[3].hash].finished_at != students[3].finished_at
    assert found[students[2].hash].finished_at == students[2].finished_at


def test_progress_is_of_all_students(service: Service):
    # Two chunks: 32 students at most train together.
    sweep = grid(
        temperatures=tuple(range(1, 12)),
        lambdas=(0.0, 0.5),
        distilled_train=TrainSpec(epochs=20, batch_size=30),
    )
    started = start_study(service, sweep, "map")
    job = service.store.job(started.job or 0)
    seen = []

    def look() -> bool:
        standing = service.progress(service.store.job(job.id))
        if standing.progress is not None and standing.progress.epochs == 20:
            seen.append((standing.stages_done, standing.progress))
        return service.store.job(job.id).status not in ("queued", "running")

    wait_until(look)
    fractions = [progress.fraction for _, progress in seen]
    assert fractions == sorted(fractions)
    first = [progress for done, progress in seen if done == 1]
    later = [progress for done, progress in seen if done == 24]
    assert first
    assert later
    assert all(progress.fraction <= 0.5 for progress in first)
    assert all(progress.fraction >= 0.5 for progress in later)
    told = [progress for progress in first if progress.seconds_left is not None]
    assert told
    for progress in told:
        # As much is left of the second chunk as all of the first takes.
        share = 2 * progress.fraction
        left = progress.seconds_left or 0.0
        assert left == pytest.approx(progress.seconds * (2 - share) / share, rel=1.0)


def test_pause_step_and_cancel_keep_what_is_done(service: Service, home: Path):
    started = start_study(service, grid(distilled_train=TrainSpec(epochs=ENDLESS)), "map")
    job = started.job or 0

    def epochs() -> int:
        return max(service.studies.results("map").epochs.values())

    wait_until(lambda: epochs() >= 2)
    service.pause(job)
    wait_until(lambda: service.studies.get("map").status == "paused")
    held = {path: path.stat().st_mtime_ns for path in (home / "sweeps").rglob(CHECKPOINT)}
    assert len(held) == 1
    service.step(job)
    [place] = held
    wait_until(lambda: place.stat().st_mtime_ns != held[place])
    wait_until(lambda: service.studies.get("map").status == "paused")
    service.cancel(job)
    assert ended(service, service.store.job(job)).status == "cancelled"
    sweep = service.studies.get("map")
    assert (sweep.status, sweep.nets_done) == ("cancelled", 1)
    assert place.exists()


def test_cancelled_and_resumed_ends_in_the_same_nets(service: Service, home: Path, whole: Any):
    started = start_study(service, grid(distilled_train=LONGER), "map")
    place = home / "sweeps" / started.id
    wait_until(lambda: list(place.rglob(CHECKPOINT)))
    service.cancel(started.job or 0)
    assert ended(service, service.store.job(started.job or 0)).status == "cancelled"
    assert service.studies.get("map").nets_done == 1
    service.resume(started.job or 0)
    kept, shown = outcome(service, over(service, started), home)
    assert_same_weights(kept, whole[0])
    assert shown == whole[1]
    assert not place.exists()


# (moment, how often it comes first, nets then done)
WHEN = [
    ("chunk checkpoint", 1, 1),
    ("chunk checkpoint", 5, 1),
    ("rows", 1, 1),
    ("student weights", 1, 1),
    ("student done", 3, 4),
    ("chunk written", 1, 1),
]


@pytest.mark.parametrize(("moment", "count", "done"), WHEN)
def test_killed_sweep_is_interrupted_and_goes_on_to_the_same_end(
    whole: Any,
    home: Path,
    open_service: Callable[[Settings], Service],
    moment: str,
    count: int,
    done: int,
):
    open_service(settings(home)).close()
    asked = grid(distilled_train=LONGER)
    assert run_elsewhere(sweep_until_killed, home, asked, moment, count) == -signal.SIGKILL
    service = open_service(settings(home))
    sweep = service.studies.get("map")
    assert (sweep.status, sweep.nets_done) == ("interrupted", done)
    service.resume(sweep.job or 0)
    kept, shown = outcome(service, over(service, sweep), home)
    assert_same_weights(kept, whole[0])
    assert shown == whole[1]


def test_chunk_that_was_begun_goes_on_as_it_was_cut(
    service: Service, home: Path, monkeypatch: pytest.MonkeyPatch
):
    """Also where the rest would be cut otherwise by now."""
    started = start_study(service, grid(distilled_train=LONGER), "map")
    place = home / "sweeps" / started.id
    wait_until(lambda: list(place.rglob(CHECKPOINT)))
    service.cancel(started.job or 0)
    ended(service, service.store.job(started.job or 0))
    monkeypatch.setattr("tsexplorer.students.chunks.MAX_STACK_SIZE", 3)
    sizes = []
    real = sweeper_module.run_chunk

    def run_chunk(request: Any, *rest: Any) -> Any:
        sizes.append(len(request.chunk.students))
        return real(request, *rest)

    monkeypatch.setattr(sweeper_module, "run_chunk", run_chunk)
    service.resume(started.job or 0)
    over(service, started)
    assert sizes == [10]


def test_chunk_too_large_by_now_is_cut_anew(
    service: Service, home: Path, monkeypatch: pytest.MonkeyPatch
):
    started = start_study(service, grid(distilled_train=LONGER), "map")
    place = home / "sweeps" / started.id
    [chunk] = wait_until(lambda: list(place.glob("*/chunk.json")))
    wait_until(lambda: list(place.rglob(CHECKPOINT)))
    service.cancel(started.job or 0)
    ended(service, service.store.job(started.job or 0))
    assert len(json.loads(chunk.read_text())["students"]) == 10
    first = started.spec.students[0]
    own = memory_needed(first, load_few("", Path()).info, seeds=2)
    monkeypatch.setattr(sweeper_module, "available_memory", lambda: own.total(4))
    service.resume(started.job or 0)
    assert over(service, started).nets_done == 11


def test_chunk_file_that_is_damaged_is_cut_anew(service: Service, home: Path):
    started = start_study(service, grid(distilled_train=LONGER), "map")
    place = home / "sweeps" / started.id
    [chunk] = wait_until(lambda: list(place.glob("*/chunk.json")))
    service.cancel(started.job or 0)
    ended(service, service.store.job(started.job or 0))
    chunk.write_text("{")
    service.resume(started.job or 0)
    assert over(service, started).nets_done == 11


def test_failure_fails_the_job_in_one_sentence_and_can_be_resumed(
    service: Service, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:

        def broken(*_: Any) -> None:
            raise MemoryError

        patch.setattr(sweeper_module, "run_chunk", broken)
        started = start_study(service, grid(), "map")
        job = ended(service, service.store.job(started.job or 0))
    assert job.status == "failed"
    assert job.error == "The machine ran out of memory; take a smaller net or batch."
    students = [link.stage for link in row_of(service, started).stages if link.role != "teacher"]
    assert {stage.status for stage in students} == {"failed"}
    service.resume(job.id)
    assert over(service, started).status == "done"


def test_sweep_waits_for_a_student_that_another_process_trains(service: Service, home: Path):
    sweep = grid()
    held = stage_lock(home / "stages" / sweep.students[0].hash, lambda: None)
    with held:
        started = start_study(service, sweep, "map")

        def told() -> bool:
            job = service.store.job(started.job or 0)
            return any("Another process" in one for one in service.progress(job).notices)

        wait_until(told)
        assert service.studies.get("map").nets_done == 1
    assert over(service, started).status == "done"


def test_cell_becomes_an_experiment_without_training_its_distilled_net(service: Service):
    sweep = swept(service, grid())
    figures = service.studies.results("map")
    assert figures.chosen is not None
    before = {link.stage.hash: link.stage.finished_at for link in row_of(service, sweep).stages}
    adopted = service.studies.make_experiment("map", figures.chosen.cell)
    found = trained(service, service.watch(adopted.id).job)  # type: ignore[arg-type]
    assert found.spec.seeds == (0,)
    for role in ("teacher", "distilled"):
        stage = found.stage(0, role)  # type: ignore[arg-type]
        assert before[stage.hash] == stage.finished_at
    again = service.studies.make_experiment("map", figures.chosen.cell)
    assert (again.id, again.done) == (found.id, True)


def test_sweep_with_a_teacher_a_seed_gives_experiments_of_all_seeds(service: Service):
    sweep = swept(service, grid(teachers="one a seed"))
    assert [link.role for link in row_of(service, sweep).stages].count("teacher") == 2
    cell = sweep.spec.cells[0]
    adopted = service.studies.make_experiment(sweep.id, cell)
    assert adopted.spec.seeds == (0, 1)
    assert {adopted.stage(seed, "distilled").status for seed in (0, 1)} == {"done"}


# -- the register -------------------------------------------------------------------------------


class Deaf:
    """A store that takes nothing until it hears again."""

    def __init__(self) -> None:
        self.hears = False
        self.rows: list[Any] = []

    def record_students(self, rows: list[Any]) -> None:
        if not self.hears:
            raise StoreError("The disk is full.")
        self.rows += rows


def said(stage: str, number: int) -> StudentEpoch:
    return StudentEpoch(stage, number, 0.5, Scores(0.9, 0.3, 0.8, 0.1), 0.01, 1.0)


def test_register_keeps_what_the_store_does_not_take(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tsexplorer.jobs.epoch_log.EVERY_SECONDS", 0.0)
    store = Deaf()
    register = StudentEpochLog(store, {"a": 0, "b": 1})  # type: ignore[arg-type]
    earlier = (said("a", 1), said("b", 1), said("other", 1))
    register.take(ChunkStarted("key", ("a", "b", "other"), 3, earlier, ""))
    register.take(said("b", 2))
    with pytest.raises(StoreError):
        register.settle()
    store.hears = True
    register.take(said("other", 2))
    assert [(one.stage, one.row.epoch) for one in store.rows] == [("a", 1), ("b", 2)]
    assert (store.rows[0].agreement, store.rows[0].ece) == (0.8, 0.1)
    register.settle()
    assert len(store.rows) == 2


def test_register_writes_for_many_at_once():
    store = Deaf()
    store.hears = True
    register = StudentEpochLog(store, {"a": 0})  # type: ignore[arg-type]
    for number in (1, 2, 3):
        register.take(said("a", number))
    assert store.rows == []
    register.settle()
    assert [one.row.epoch for one in store.rows] == [1, 2, 3]
