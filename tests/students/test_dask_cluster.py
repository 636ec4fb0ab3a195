"""Connections to a Dask cluster: addresses, chunks and their results, lost workers."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local_cluster import busy_workers, count_submissions, local_cluster
from tests.students.student_examples import make_request, make_student, train_chunk
from tsexplorer.data.registry import load_splits
from tsexplorer.errors import UserError
from tsexplorer.specs import DataSpec
from tsexplorer.students import dask_cluster
from tsexplorer.students.chunks import ChunkRequest
from tsexplorer.students.dask_cluster import CompletedChunk, DaskCluster, checked_address

TIMEOUT = 60.0
ENDLESS = 10_000
"""Epochs of a chunk that no test trains to its end."""


@pytest.fixture(scope="module")
def local() -> Iterator[Any]:
    """A cluster of one worker, in this process."""
    with local_cluster(1) as cluster:
        yield cluster


@pytest.fixture
def connection(local: Any) -> Iterator[DaskCluster]:
    with connect(local) as cluster:
        yield cluster


def connect(local: Any) -> DaskCluster:
    return DaskCluster.connect(local.scheduler_address, lambda: None)


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, f"not within {TIMEOUT:g} s"
        time.sleep(0.01)


def wait_for_chunks(cluster: DaskCluster, count: int) -> dict[str, CompletedChunk]:
    """The next completed chunks by key."""
    chunks: dict[str, CompletedChunk] = {}
    deadline = time.monotonic() + TIMEOUT
    while len(chunks) < count:
        assert time.monotonic() < deadline
        chunks |= {chunk.key: chunk for chunk in cluster.completed(0.05)}
    return chunks


def small_request(**changes: Any) -> ChunkRequest:
    """Two students that train one epoch of five steps, or as ``changes`` say."""
    training = {"batch_size": 1000, "epochs": 1} | changes
    return make_request([make_student(2.0, 0.5, **training), make_student(4.0, 0.0, **training)])


REQUEST_WITHOUT_DATA = make_request([make_student(data=DataSpec(name="mnist"))])


# -- addresses ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("tcp://10.0.0.7:8786", "tcp://10.0.0.7:8786"),
        ("  box-7.local:80 ", "tcp://box-7.local:80"),
        ("tls://[::1]:8786", "tls://[::1]:8786"),
    ],
)
def test_address_of_a_scheduler_is_accepted(text: str, address: str) -> None:
    assert checked_address(text) == address


@pytest.mark.parametrize(
    "text", ["box", "tcp://box", "tcp://:8786", "tcp://box:0", "tcp://box:65536", "http://box:80"]
)
def test_other_text_is_refused_as_an_address(text: str) -> None:
    with pytest.raises(UserError, match=rf"^'{text}' is not the address of a Dask scheduler; wri"):
        checked_address(text)


def test_ray_address_is_answered_with_the_file_to_read() -> None:
    match = r"cannot connect to a Ray cluster; (tsexplorer/students/README\.md) shows"
    with pytest.raises(UserError, match=match) as caught:
        checked_address("ray://box:10001")
    readme = Path(__file__).parents[2] / str(caught.value).split("; ")[1].split()[0]
    assert "ray.init" in readme.read_text(encoding="utf-8")


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_cluster, "PACKAGES", ("distributed", "not_installed_here"))
    with pytest.raises(UserError, match=r"\(not_installed_here\); run make install-cluster"):
        checked_address("tcp://box:8786")


def test_check_of_an_address_imports_neither_dask_nor_torch() -> None:
    program = (
        "import sys; from tsexplorer.students.dask_cluster import checked_address;"
        "checked_address('box:8786');"
        "print({'dask', 'distributed', 'torch'} & set(sys.modules))"
    )
    output = subprocess.check_output([sys.executable, "-c", program], text=True)
    assert output.strip() == "set()"


# -- connecting ---------------------------------------------------------------------------------


@pytest.mark.parametrize("listening", [False, True])
def test_address_that_does_not_answer_is_reported(listening: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if not listening:
            server.close()
        began = time.monotonic()
        with pytest.raises(UserError, match=r"does not answer within 0\.5 s; check that its sched"):
            DaskCluster.connect(f"tcp://127.0.0.1:{port}", lambda: None, 0.5)
        assert time.monotonic() - began < 3


def test_connecting_can_be_stopped_at_once() -> None:
    def stop() -> None:
        raise KeyError

    with socket.create_server(("127.0.0.1", 0)) as server:
        began = time.monotonic()
        with pytest.raises(KeyError):
            DaskCluster.connect(f"tcp://127.0.0.1:{server.getsockname()[1]}", stop, 2)
        assert time.monotonic() - began < 1


def test_cluster_without_workers_is_reported() -> None:
    with (
        local_cluster(0) as local,
        pytest.raises(UserError, match=r"has no workers; start some, and resume the job\.$"),
    ):
        DaskCluster.connect(local.scheduler_address, lambda: None, 0.5)


def test_workers_are_counted_repeatedly(local: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_cluster, "COUNT_SECONDS", 0.05)
    with connect(local) as cluster:
        assert (cluster.workers.processes, cluster.workers.slots) == (1, 1)
        local.scale(2)
        wait_until(lambda: cluster.workers.processes == 2)
        local.scale(1)
        wait_until(lambda: cluster.workers.processes == 1)


# -- chunks -------------------------------------------------------------------------------------


def test_chunk_on_a_worker_gives_the_result_of_this_process(
    local: Any, connection: DaskCluster
) -> None:
    request = small_request(seed=7)
    connection.submit(request)
    [chunk] = wait_for_chunks(connection, 1).values()
    assert chunk.error is None
    assert chunk.result is not None
    assert chunk.key == chunk.result.key == request.chunk.key
    assert count_submissions(local)[request.chunk.key] == 1
    expected = train_chunk(request.chunk.students, splits=load_splits("mnist-5k", Path("unused")))
    for student, other in zip(chunk.result.students, expected.students, strict=True):
        assert student.weights.keys() == other.weights.keys()
        assert student.validation == pytest.approx(other.validation, abs=1e-5)
        assert student.test_accuracy == pytest.approx(other.test_accuracy, abs=2e-3)


def test_failed_chunk_does_not_affect_another(connection: DaskCluster) -> None:
    request = small_request(seed=3)
    connection.submit(REQUEST_WITHOUT_DATA)
    connection.submit(request)
    chunks = wait_for_chunks(connection, 2)
    failed = chunks[REQUEST_WITHOUT_DATA.chunk.key]
    assert "the images of mnist are not in" in str(failed.error)
    assert chunks[request.chunk.key].result is not None


def test_close_returns_at_once_and_stops_the_chunk(local: Any) -> None:
    cluster = connect(local)
    cluster.submit(small_request(epochs=ENDLESS))
    worker = next(iter(local.workers.values()))
    wait_until(lambda: busy_workers(local) and worker.state.executing)
    began = time.monotonic()
    cluster.close()
    assert time.monotonic() - began < 0.2
    wait_until(lambda: not worker.state.executing and not worker.state.tasks)
    assert cluster.completed(0.1) == []


def test_chunk_of_a_closed_worker_moves_to_another() -> None:
    with local_cluster(2) as local, connect(local) as cluster:
        request = small_request(epochs=ENDLESS)
        cluster.submit(request)
        wait_until(lambda: busy_workers(local))
        [address] = busy_workers(local)
        workers = {worker.address: worker for worker in local.workers.values()}
        worker = workers[address]
        wait_until(lambda: worker.state.executing)
        local.sync(worker.close)
        wait_until(lambda: busy_workers(local) not in ([], [address]))
        assert count_submissions(local)[request.chunk.key] == 2
        assert cluster.completed(0.1) == []


def test_lost_scheduler_is_reported() -> None:
    with local_cluster(1) as local:
        address = local.scheduler_address
        cluster = DaskCluster.connect(address, lambda: None, 2)
        running = small_request(epochs=ENDLESS, seed=5)
        cluster.submit(running)
        wait_until(lambda: busy_workers(local))
    lost = f"The connection to the cluster at {address} is lost; students that are trained"
    chunks = wait_for_chunks(cluster, 1)
    assert str(chunks[running.chunk.key].error).startswith(lost)
    cluster.close()
