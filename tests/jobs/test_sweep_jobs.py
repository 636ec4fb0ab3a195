"""Sweep jobs: trained, paused, cancelled, killed and resumed; their stages are reused."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.examples import start_study
from tests.jobs.experiment_examples import (
    ENDLESS,
    assert_same_weights,
    ended,
    load_few,
    settings,
    trained,
    wait_until,
)
from tests.jobs.job_processes import CHUNK_MOMENTS, run_in_process, train_until_killed
from tests.jobs.study_examples import (
    CONVOLUTIONAL,
    finished,
    sweep_spec,
    train_sweep,
    weights_and_figures,
    with_stages,
)
from tsexplorer.jobs import local_chunks
from tsexplorer.jobs.stage_files import stage_lock
from tsexplorer.services import StudySnapshot
from tsexplorer.services.service import Service
from tsexplorer.settings import Settings
from tsexplorer.specs import TrainSpec
from tsexplorer.store import StageSnapshot
from tsexplorer.students.stacking_rule import memory_needed
from tsexplorer.training import checkpoints
from tsexplorer.training.checkpoints import CHECKPOINT

LONGER = TrainSpec(epochs=5, batch_size=30, learning_rate=0.02, keep="best")


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """Weights and figures of a sweep that was never stopped."""
    home = tmp_path_factory.mktemp("uninterrupted")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tsexplorer.jobs.job_runner.load_splits", load_few)
        service = Service(settings(home))
        sweep = train_sweep(service, sweep_spec(distilled_train=LONGER))
        results = weights_and_figures(service, sweep, home)
        service.close()
    return results


def student_stages(service: Service, sweep: StudySnapshot[Any]) -> list[StageSnapshot]:
    return [link.stage for link in with_stages(service, sweep).stages if link.role != "teacher"]


def end_times(service: Service, sweep: StudySnapshot[Any]) -> dict[str, Any]:
    return {link.stage.hash: link.stage.finished_at for link in with_stages(service, sweep).stages}


def cancel_after_checkpoint(service: Service, home: Path) -> tuple[StudySnapshot[Any], Path]:
    """Start a sweep, cancel it in the middle of its chunk; return it with its folder."""
    started = start_study(service, sweep_spec(distilled_train=LONGER), "map")
    folder = home / "sweeps" / started.id
    wait_until(lambda: list(folder.rglob(CHECKPOINT)))
    service.cancel(started.job or 0)
    assert ended(service, service.store.job(started.job or 0)).status == "cancelled"
    return started, folder


def test_each_stage_has_weights_curve_and_figures(service: Service, home: Path):
    sweep = train_sweep(service, sweep_spec())
    assert (sweep.status, sweep.nets_done, sweep.nets) == ("done", 11, 11)
    for link in with_stages(service, sweep).stages:
        stage = link.stage
        folder = home / "stages" / stage.hash
        assert {file.name for file in folder.iterdir()} == {checkpoints.WEIGHTS, ".lock"}
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


def test_convolutional_students_train_one_after_the_other(service: Service):
    spec = sweep_spec(student=CONVOLUTIONAL, temperatures=(2.0,), lambdas=(0.5,))
    sweep = train_sweep(service, spec)
    students = student_stages(service, sweep)
    assert len(students) == 4
    assert all("together" not in str(stage.machine) for stage in students)
    assert all(stage.agreement is not None for stage in students)
    job = service.store.job(sweep.job or 0)
    [notice] = service.progress(job).notices
    assert notice.endswith("its students train one after the other.")


def test_trained_stages_are_not_trained_again(service: Service):
    first = end_times(service, train_sweep(service, sweep_spec()))
    wider = sweep_spec(temperatures=(1.0, 4.0, 9.0))
    second = end_times(service, train_sweep(service, wider, "wider"))
    assert len(second) == len(first) + 4
    assert first.items() <= second.items()


@pytest.mark.usefixtures("float64")
def test_student_of_an_experiment_gets_agreement_and_ece(service: Service):
    sweep = sweep_spec()
    cell = sweep.cells[1]
    experiment = sweep.experiment(cell, (0,)).model_copy(update={"name": "alone"})
    key = trained(service, service.start(experiment)).stage(0, "distilled").hash
    before = service.store.stage(key)
    assert (before.agreement, before.ece) == (None, None)
    train_sweep(service, sweep)
    after = service.store.stage(key)
    assert after.finished_at == before.finished_at
    # Trained again as part of a sweep, the student has the same metrics up to rounding.
    service.delete("alone")
    service.delete("map")
    train_sweep(service, sweep, "second")
    of_sweep = service.store.stage(key)
    assert of_sweep.finished_at != before.finished_at
    assert after.agreement == pytest.approx(of_sweep.agreement, abs=1e-9)
    assert after.ece == pytest.approx(of_sweep.ece, abs=1e-9)


def test_student_without_weights_is_trained_again(service: Service, home: Path):
    sweep = train_sweep(service, sweep_spec())
    students = student_stages(service, sweep)
    (home / "stages" / students[3].hash / checkpoints.WEIGHTS).unlink()
    second = finished(service, start_study(service, sweep_spec(), "map"))
    times = end_times(service, second)
    assert second.job != sweep.job
    assert (home / "stages" / students[3].hash / checkpoints.WEIGHTS).exists()
    assert times[students[3].hash] != students[3].finished_at
    assert times[students[2].hash] == students[2].finished_at


def test_progress_counts_all_students(service: Service):
    # Two chunks, because at most 32 students train together.
    sweep = sweep_spec(
        temperatures=tuple(range(1, 12)),
        lambdas=(0.0, 0.5),
        distilled_train=TrainSpec(epochs=20, batch_size=30),
    )
    started = start_study(service, sweep, "map")
    job = service.store.job(started.job or 0)
    observed = []

    def has_ended() -> bool:
        current = service.progress(service.store.job(job.id))
        if current.progress is not None and current.progress.epochs == 20:
            observed.append((current.stages_done, current.progress))
        return service.store.job(job.id).status not in ("queued", "running")

    wait_until(has_ended)
    fractions = [progress.fraction for _, progress in observed]
    assert fractions == sorted(fractions)
    first_chunk = [progress for done, progress in observed if done == 1]
    second_chunk = [progress for done, progress in observed if done == 24]
    assert first_chunk
    assert second_chunk
    assert all(progress.fraction <= 0.5 for progress in first_chunk)
    assert all(progress.fraction >= 0.5 for progress in second_chunk)
    estimates = [progress for progress in first_chunk if progress.seconds_left is not None]
    assert estimates
    for progress in estimates:
        # The second chunk will take as long as all of the first one.
        share = 2 * progress.fraction
        left = progress.seconds_left or 0.0
        assert left == pytest.approx(progress.seconds * (2 - share) / share, rel=1.0)


def test_pause_step_and_cancel_keep_the_checkpoint(service: Service, home: Path):
    started = start_study(service, sweep_spec(distilled_train=TrainSpec(epochs=ENDLESS)), "map")
    job = started.job or 0

    def epochs() -> int:
        return max(service.studies.results("map").epochs.values())

    wait_until(lambda: epochs() >= 2)
    service.pause(job)
    wait_until(lambda: service.studies.get("map").status == "paused")
    [checkpoint] = (home / "sweeps").rglob(CHECKPOINT)
    written = checkpoint.stat().st_mtime_ns
    service.step(job)
    wait_until(lambda: checkpoint.stat().st_mtime_ns != written)
    wait_until(lambda: service.studies.get("map").status == "paused")
    service.cancel(job)
    assert ended(service, service.store.job(job)).status == "cancelled"
    sweep = service.studies.get("map")
    assert (sweep.status, sweep.nets_done) == ("cancelled", 1)
    assert checkpoint.exists()


def test_cancelled_sweep_resumes_to_the_same_results(service: Service, home: Path, expected: Any):
    started, folder = cancel_after_checkpoint(service, home)
    assert service.studies.get("map").nets_done == 1
    service.resume(started.job or 0)
    weights, figures = weights_and_figures(service, finished(service, started), home)
    assert_same_weights(weights, expected[0])
    assert figures == expected[1]
    assert not folder.exists()


# (moment, how often it occurs, stages done by then)
KILLS = [
    ("chunk checkpoint", 1, 1),
    ("chunk checkpoint", 5, 1),
    ("epochs stored", 1, 1),
    ("student weights", 1, 1),
    ("student done", 3, 4),
    ("chunk file", 1, 1),
]


def test_each_moment_is_tested():
    assert {moment for moment, _, _ in KILLS} == set(CHUNK_MOMENTS)


@pytest.mark.parametrize(("moment", "count", "done"), KILLS)
def test_killed_sweep_resumes_to_the_same_results(
    expected: Any,
    home: Path,
    open_service: Callable[[Settings], Service],
    moment: str,
    count: int,
    done: int,
):
    open_service(settings(home)).close()
    study = sweep_spec(distilled_train=LONGER)
    assert run_in_process(train_until_killed, home, moment, count, study) == -signal.SIGKILL
    service = open_service(settings(home))
    sweep = service.studies.get("map")
    assert (sweep.status, sweep.nets_done) == ("interrupted", done)
    service.resume(sweep.job or 0)
    weights, figures = weights_and_figures(service, finished(service, sweep), home)
    assert_same_weights(weights, expected[0])
    assert figures == expected[1]


def test_interrupted_chunk_continues_with_the_same_students(
    service: Service, home: Path, monkeypatch: pytest.MonkeyPatch
):
    """Also if chunks are smaller by then."""
    started, _ = cancel_after_checkpoint(service, home)
    monkeypatch.setattr("tsexplorer.students.chunks.MAX_STACK_SIZE", 3)
    sizes = []
    original = local_chunks.run_chunk

    def run_chunk(request: Any, *rest: Any) -> Any:
        sizes.append(len(request.chunk.students))
        return original(request, *rest)

    monkeypatch.setattr(local_chunks, "run_chunk", run_chunk)
    service.resume(started.job or 0)
    finished(service, started)
    assert sizes == [10]


def test_interrupted_chunk_too_large_for_memory_is_divided(
    service: Service, home: Path, monkeypatch: pytest.MonkeyPatch
):
    started, folder = cancel_after_checkpoint(service, home)
    [chunk_file] = folder.glob("*/chunk.json")
    assert len(json.loads(chunk_file.read_text())["students"]) == 10
    student = started.spec.students[0]
    needed = memory_needed(student, load_few("", Path()).info, seeds=2)
    monkeypatch.setattr(local_chunks, "available_memory", lambda: needed.total(4))
    service.resume(started.job or 0)
    assert finished(service, started).nets_done == 11


def test_damaged_chunk_file_is_ignored(service: Service, home: Path):
    started = start_study(service, sweep_spec(distilled_train=LONGER), "map")
    folder = home / "sweeps" / started.id
    [chunk_file] = wait_until(lambda: list(folder.glob("*/chunk.json")))
    service.cancel(started.job or 0)
    ended(service, service.store.job(started.job or 0))
    chunk_file.write_text("{")
    service.resume(started.job or 0)
    assert finished(service, started).nets_done == 11


def test_failed_sweep_has_a_sentence_and_can_be_resumed(
    service: Service, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:

        def fail(*_: Any) -> None:
            raise MemoryError

        patch.setattr(local_chunks, "run_chunk", fail)
        started = start_study(service, sweep_spec(), "map")
        job = ended(service, service.store.job(started.job or 0))
    assert job.status == "failed"
    assert job.error == "The machine ran out of memory; take a smaller net or batch."
    assert {stage.status for stage in student_stages(service, started)} == {"failed"}
    service.resume(job.id)
    assert finished(service, started).status == "done"


def test_sweep_waits_for_a_student_of_another_process(service: Service, home: Path):
    sweep = sweep_spec()
    with stage_lock(home / "stages" / sweep.students[0].hash, lambda: None):
        started = start_study(service, sweep, "map")

        def has_notice() -> bool:
            job = service.store.job(started.job or 0)
            notices = service.progress(job).notices
            return any("Another process" in notice for notice in notices)

        wait_until(has_notice)
        assert service.studies.get("map").nets_done == 1
    assert finished(service, started).status == "done"


def test_experiment_of_a_cell_reuses_its_stages(service: Service):
    sweep = train_sweep(service, sweep_spec())
    results = service.studies.results("map")
    assert results.chosen is not None
    before = end_times(service, sweep)
    made = service.studies.make_experiment("map", results.chosen.cell)
    experiment = trained(service, service.watch(made.id).job)  # type: ignore[arg-type]
    assert experiment.spec.seeds == (0,)
    for role in ("teacher", "distilled"):
        stage = experiment.stage(0, role)  # type: ignore[arg-type]
        assert before[stage.hash] == stage.finished_at
    second = service.studies.make_experiment("map", results.chosen.cell)
    assert (second.id, second.done) == (experiment.id, True)


def test_experiment_has_all_seeds_with_a_teacher_each(service: Service):
    sweep = train_sweep(service, sweep_spec(teachers="one a seed"))
    roles = [link.role for link in with_stages(service, sweep).stages]
    assert roles.count("teacher") == 2
    experiment = service.studies.make_experiment(sweep.id, sweep.spec.cells[0])
    assert experiment.spec.seeds == (0, 1)
    assert {experiment.stage(seed, "distilled").status for seed in (0, 1)} == {"done"}
