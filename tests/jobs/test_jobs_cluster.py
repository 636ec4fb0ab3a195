"""Sweeps on a cluster of two workers: processes of their own, one of which is killed, or here."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from distributed import Client

from tests.examples import start_study
from tests.jobs.jobs_examples import ended, settings, wait_until
from tests.jobs.sweeps_examples import grid, outcome, over, row_of
from tests.local_cluster import busy, local_cluster, sent
from tsexplorer.jobs.stage_files import stage_lock
from tsexplorer.services import StudySnapshot
from tsexplorer.services.service import Service
from tsexplorer.settings import Settings
from tsexplorer.specs import TrainSpec
from tsexplorer.students import dask_client as client_module
from tsexplorer.studies.sweep.spec import SweepSpec

SHORT = TrainSpec(epochs=3, batch_size=250, learning_rate=0.01)
LONG = TrainSpec(epochs=8, batch_size=200, learning_rate=0.01)
"""Long enough for a worker to be killed meanwhile."""


@pytest.fixture(autouse=True)
def few_images() -> None:
    """All images: workers in other processes have no others."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two workers in this process, which has torch already."""
    with local_cluster(2) as found:
        yield found


def asked(train: TrainSpec = SHORT, **changes: Any) -> SweepSpec:
    """10 students, in two chunks of 5 where two train at once."""
    return grid(teacher_train=SHORT, baseline_train=SHORT, distilled_train=train, **changes)


def start(service: Service, cluster: Any, sweep: SweepSpec) -> StudySnapshot[SweepSpec]:
    return start_study(service, sweep, "map", cluster.scheduler_address)


def busy_processes(cluster: Any) -> list[int]:
    """Those of the workers that train right now."""

    def state(dask_worker: Any) -> tuple[int, bool]:
        return os.getpid(), bool(dask_worker.state.executing)

    with Client(cluster.scheduler_address, set_as_default=False) as client:
        return [pid for pid, executing in client.run(state).values() if executing]


def executing(cluster: Any) -> int:
    """How many workers of this process train right now."""
    return sum(bool(worker.state.executing) for worker in cluster.workers.values())


def test_worker_that_dies_costs_its_chunk_alone_and_the_map_is_that_of_one_machine(
    tmp_path: Path, home: Path, service: Service, open_service: Callable[[Settings], Service]
) -> None:
    env = {"TSEXPLORER_HOME": str(tmp_path / "workers")}
    with local_cluster(2, processes=True, env=env) as cluster:
        started = start(service, cluster, asked(SHORT))
        wait_until(lambda: len(busy(cluster)) == 2)
        pid, _ = wait_until(lambda: found if len(found := busy_processes(cluster)) == 2 else [])
        os.kill(pid, signal.SIGKILL)
        away = over(service, started)
        assert (away.status, away.nets_done) == ("done", 11)
        assert sorted(sent(cluster).values()) == [1, 2]
    here = open_service(settings(tmp_path / "here"))
    whole = over(here, start_study(here, asked(SHORT), "map"))
    assert_alike(outcome(service, away, home), outcome(here, whole, tmp_path / "here"))
    students = {student.hash for student in away.spec.students}
    for link in row_of(service, away).stages:
        assert (link.stage.hash in students) == ("5 together" in str(link.stage.machine))
    assert not list((home / "sweeps").glob("*"))


def assert_alike(there: tuple[Any, Any], here: tuple[Any, Any]) -> None:
    """The same nets, but for rounding: students are summed in other company."""
    assert there[0].keys() == here[0].keys()
    for key, weights in there[0].items():
        for name, value in weights.items():
            torch.testing.assert_close(value, here[0][key][name], atol=1e-3, rtol=1e-2)
        one, other = there[1][key], here[1][key]
        assert [row["epoch"] for row in one["rows"]] == [row["epoch"] for row in other["rows"]]
        for name in ("parameters", "macs", "kept_epoch", "epochs_done", "status"):
            assert one[name] == other[name]
        for name in ("validation_accuracy", "test_accuracy", "agreement"):
            assert one[name] == pytest.approx(other[name], abs=0.005)


def test_pause_keeps_what_is_under_way_and_sends_no_more(
    cluster: Any, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tsexplorer.students.chunks.LARGEST", 2)
    before = sent(cluster)

    def chunks() -> int:
        return len(sent(cluster) - before)

    started = start(service, cluster, asked(LONG))
    job = started.job or 0
    wait_until(lambda: chunks() == 2)
    service.pause(job)
    wait_until(lambda: service.studies.get("map").nets_done == 5)  # the teacher and two chunks
    time.sleep(0.3)
    assert (chunks(), service.store.job(job).status) == (2, "paused")
    progress = service.progress(service.store.job(job)).progress
    assert progress is not None
    assert progress.doing == "2 of 6 chunks, on a cluster of 2 workers"
    assert progress.fraction == pytest.approx(0.4)
    assert progress.seconds_left is not None
    service.step(job)
    wait_until(lambda: chunks() == 3)
    wait_until(lambda: service.store.job(job).status == "paused")
    service.resume(job)
    wait_until(lambda: chunks() >= 5)
    asked_at = time.monotonic()
    service.cancel(job)
    assert ended(service, service.store.job(job)).status == "cancelled"
    assert time.monotonic() - asked_at < 1
    wait_until(lambda: executing(cluster) == 0)
    service.resume(job)
    assert over(service, started).nets_done == 11


def test_student_that_another_process_trains_is_waited_for(
    cluster: Any, service: Service, home: Path
) -> None:
    sweep = asked()
    with stage_lock(home / "stages" / sweep.students[0].hash, lambda: None):
        started = start(service, cluster, sweep)
        wait_until(lambda: service.studies.get("map").nets_done == 6)

        def told() -> bool:
            job = service.store.job(started.job or 0)
            return any("Another process" in one for one in service.progress(job).notices)

        wait_until(told)
        assert service.studies.get("map").nets_done == 6
    assert over(service, started).nets_done == 11


@contextmanager
def nobody() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    yield f"tcp://127.0.0.1:{port}"


def test_cluster_that_does_not_answer_fails_the_job_before_anything_is_trained(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "PATIENCE_SECONDS", 0.5)
    with nobody() as address:
        started = start_study(service, asked(), "map", address)
        job = ended(service, service.store.job(started.job or 0))
    assert job.status == "failed"
    assert str(job.error).startswith(f"The cluster at {address} does not answer within 0.5 s; see")
    assert {link.stage.status for link in row_of(service, started).stages} == {"new"}
    here = start_study(service, asked(), "map", "")
    assert over(service, here).nets_done == 11


def test_chunk_that_kills_workers_fails_alone_and_can_be_resumed(
    cluster: Any, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = start(service, cluster, asked(LONG))
    with monkeypatch.context() as patch:
        patch.setattr(cluster.scheduler, "allowed_failures", 0)
        wait_until(lambda: executing(cluster) == 2)
        lost = {"address": busy(cluster)[0], "stimulus_id": "test"}
        cluster.sync(cluster.scheduler.remove_worker, **lost)
        job = ended(service, service.store.job(started.job or 0))
    assert job.status == "failed"
    assert str(job.error).startswith("Every worker that was given these students died (1 in all)")
    assert service.studies.get("map").nets_done == 6
    states = [link.stage.status for link in row_of(service, started).stages]
    assert states.count("failed") == 5
    notices = service.progress(job).notices
    assert any("the others that are under way are waited for" in one for one in notices)
    service.resume(job.id)
    assert over(service, started).nets_done == 11
    assert service.store.job(job.id).cluster == cluster.scheduler_address
