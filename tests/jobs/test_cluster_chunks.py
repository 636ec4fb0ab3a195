"""Jobs whose students train on a cluster of two workers."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.examples import start_study
from tests.jobs.experiment_examples import PATIENCE, ended, settings, wait_until
from tests.jobs.study_examples import finished, sweep_spec, weights_and_figures, with_stages
from tests.local_cluster import (
    busy_names,
    busy_workers,
    count_submissions,
    local_cluster,
    worker_processes,
)
from tsexplorer.jobs.stage_files import stage_lock
from tsexplorer.services import StudySnapshot
from tsexplorer.services.service import Service
from tsexplorer.settings import Settings
from tsexplorer.specs import TrainSpec
from tsexplorer.students import dask_cluster
from tsexplorer.studies.sweep.spec import SweepSpec

SHORT = TrainSpec(epochs=3, batch_size=250, learning_rate=0.01)
LONG = TrainSpec(epochs=8, batch_size=200, learning_rate=0.01)
"""Long enough for a test to act while a chunk trains."""


@pytest.fixture(autouse=True)
def few_images() -> None:
    """Train on all images: workers in other processes have no smaller dataset."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two workers in this process, which has already imported torch."""
    with local_cluster(2) as local:
        yield local


def make_sweep(train: TrainSpec = SHORT) -> SweepSpec:
    """10 students; two chunks of 5 on two workers."""
    return sweep_spec(teacher_train=SHORT, baseline_train=SHORT, distilled_train=train)


def start(service: Service, cluster: Any, sweep: SweepSpec) -> StudySnapshot[SweepSpec]:
    return start_study(service, sweep, "map", cluster.scheduler_address)


def nets_done(service: Service) -> int:
    return service.studies.get("map").nets_done


def executing_workers(cluster: Any) -> int:
    """Number of workers of this process that train now."""
    return sum(bool(worker.state.executing) for worker in cluster.workers.values())


def test_dead_worker_costs_one_chunk_and_results_stay_the_same(
    tmp_path: Path, home: Path, service: Service, open_service: Callable[[Settings], Service]
) -> None:
    with local_cluster(0) as cluster, worker_processes(cluster, 2, tmp_path / "workers") as workers:
        cluster.wait_for_workers(2, timeout=PATIENCE)
        started = start(service, cluster, make_sweep())
        wait_until(lambda: len(busy_names(cluster)) == 2)
        workers[busy_names(cluster)[0]].kill()
        on_cluster = finished(service, started)
        assert (on_cluster.status, on_cluster.nets_done) == ("done", 11)
        assert sorted(count_submissions(cluster).values()) == [1, 2]
    local_service = open_service(settings(tmp_path / "local"))
    local = finished(local_service, start_study(local_service, make_sweep(), "map"))
    assert_close(
        weights_and_figures(service, on_cluster, home),
        weights_and_figures(local_service, local, tmp_path / "local"),
    )
    students = {student.hash for student in on_cluster.spec.students}
    for link in with_stages(service, on_cluster).stages:
        assert (link.stage.hash in students) == ("5 together" in str(link.stage.machine))
    assert not list((home / "sweeps").glob("*"))


def assert_close(results: tuple[Any, Any], expected: tuple[Any, Any]) -> None:
    """Compare up to rounding: stacks of other sizes sum in another order."""
    weights, metrics = results
    expected_weights, expected_metrics = expected
    assert weights.keys() == expected_weights.keys()
    for key, tensors in weights.items():
        for name, tensor in tensors.items():
            torch.testing.assert_close(tensor, expected_weights[key][name], atol=1e-3, rtol=1e-2)
        stage, other = metrics[key], expected_metrics[key]
        assert [row["epoch"] for row in stage["rows"]] == [row["epoch"] for row in other["rows"]]
        for name in ("parameters", "macs", "kept_epoch", "epochs_done", "status"):
            assert stage[name] == other[name]
        for name in ("validation_accuracy", "test_accuracy", "agreement"):
            assert stage[name] == pytest.approx(other[name], abs=0.005)


def test_pause_step_resume_and_cancel_act_on_chunks(
    cluster: Any, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tsexplorer.students.chunks.MAX_STACK_SIZE", 2)
    before = count_submissions(cluster)

    def submitted() -> int:
        return len(count_submissions(cluster) - before)

    started = start(service, cluster, make_sweep(LONG))
    job = started.job or 0
    wait_until(lambda: submitted() == 2)
    service.pause(job)
    wait_until(lambda: nets_done(service) == 5)  # the teacher and two chunks
    time.sleep(0.3)
    assert (submitted(), service.store.job(job).status) == (2, "paused")
    progress = service.progress(service.store.job(job)).progress
    assert progress is not None
    assert progress.doing == "2 of 6 chunks, on a cluster of 2 workers"
    assert progress.fraction == pytest.approx(0.4)
    assert progress.seconds_left is not None
    service.step(job)
    wait_until(lambda: submitted() == 3)
    wait_until(lambda: service.store.job(job).status == "paused")
    service.resume(job)
    wait_until(lambda: submitted() >= 5)
    began = time.monotonic()
    service.cancel(job)
    assert ended(service, service.store.job(job)).status == "cancelled"
    assert time.monotonic() - began < 1
    wait_until(lambda: executing_workers(cluster) == 0)
    service.resume(job)
    assert finished(service, started).nets_done == 11


def test_job_waits_for_a_student_of_another_process(
    cluster: Any, service: Service, home: Path
) -> None:
    sweep = make_sweep()
    with stage_lock(home / "stages" / sweep.students[0].hash, lambda: None):
        started = start(service, cluster, sweep)
        wait_until(lambda: nets_done(service) == 6)

        def has_notice() -> bool:
            job = service.store.job(started.job or 0)
            notices = service.progress(job).notices
            return any("Another process" in notice for notice in notices)

        wait_until(has_notice)
        assert nets_done(service) == 6
    assert finished(service, started).nets_done == 11


def test_job_fails_before_training_if_no_cluster_answers(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_cluster, "CONNECT_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
    started = start_study(service, make_sweep(), "map", address)
    job = ended(service, service.store.job(started.job or 0))
    assert job.status == "failed"
    assert str(job.error).startswith(f"The cluster at {address} does not answer within 0.5 s; che")
    assert {link.stage.status for link in with_stages(service, started).stages} == {"new"}


def test_chunk_that_kills_workers_fails_alone_and_can_resume(
    cluster: Any, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = start(service, cluster, make_sweep(LONG))
    with monkeypatch.context() as patch:
        patch.setattr(cluster.scheduler, "allowed_failures", 0)
        wait_until(lambda: executing_workers(cluster) == 2)
        worker = {"address": busy_workers(cluster)[0], "stimulus_id": "test"}
        cluster.sync(cluster.scheduler.remove_worker, **worker)
        job = ended(service, service.store.job(started.job or 0))
    assert job.status == "failed"
    assert str(job.error).startswith("1 worker died while training these students, perhaps for")
    assert nets_done(service) == 6
    states = [link.stage.status for link in with_stages(service, started).stages]
    assert states.count("failed") == 5
    notices = service.progress(job).notices
    assert any("the job waits for the other running chunks" in notice for notice in notices)
    service.resume(job.id)
    assert finished(service, started).nets_done == 11
    assert service.store.job(job.id).cluster == cluster.scheduler_address
