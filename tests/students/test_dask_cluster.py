"""Clusters: addresses, what a worker refuses, and what a client hears of its chunks."""

from __future__ import annotations

import pickle
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local_cluster import busy, local_cluster, sent
from tests.students.student_examples import request, student, together
from tsexplorer import __version__
from tsexplorer.errors import UserError
from tsexplorer.settings import get_settings
from tsexplorer.specs import DataSpec
from tsexplorer.students import dask_address as address_module
from tsexplorer.students import dask_client as client_module
from tsexplorer.students.chunks import ChunkRequest
from tsexplorer.students.dask_address import checked_address
from tsexplorer.students.dask_client import Answer, Cluster
from tsexplorer.students.dask_task import errand, perform

PATIENCE = 60.0


@pytest.fixture(scope="module")
def threads() -> Iterator[Any]:
    """A cluster of one worker, in this process."""
    with local_cluster(1) as cluster:
        yield cluster


@pytest.fixture
def reached(threads: Any) -> Iterator[Cluster]:
    with Cluster.reach(threads.scheduler_address, lambda: None) as cluster:
        yield cluster


def first_answer(cluster: Cluster) -> Answer:
    deadline = time.monotonic() + PATIENCE
    while not (found := cluster.answers(0.05)):
        assert time.monotonic() < deadline
    return found[0]


def asked(**changes: Any) -> ChunkRequest:
    usual = {"batch_size": 1000, "epochs": 1}
    return request([student(2.0, 0.5, **usual | changes), student(4.0, 0.0, **usual | changes)])


# -- addresses ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("tcp://10.0.0.7:8786", "tcp://10.0.0.7:8786"),
        ("  box-7.local:80 ", "tcp://box-7.local:80"),
        ("tls://[::1]:8786", "tls://[::1]:8786"),
    ],
)
def test_address_is_taken(text: str, address: str) -> None:
    assert checked_address(text) == address


@pytest.mark.parametrize(
    "text", ["box", "tcp://box", "tcp://:8786", "tcp://box:0", "tcp://box:65536", "http://box:80"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=rf"^'{text}' is no address of a Dask scheduler; write it"):
        checked_address(text)


def test_ray_is_pointed_to_where_it_is_explained() -> None:
    with pytest.raises(UserError, match=r"^A Ray cluster is not reached .*/README\.md\.$"):
        checked_address("ray://box:10001")


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address_module, "PACKAGES", ("joblib", "not_installed_here"))
    with pytest.raises(UserError, match=r"\(not_installed_here\); run make install-cluster"):
        checked_address("tcp://box:8786")


@pytest.mark.parametrize("silent", [False, True])
def test_address_that_does_not_answer_is_one_sentence(silent: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if not silent:
            server.close()
        began = time.monotonic()
        with pytest.raises(UserError, match=r"does not answer within 0\.5 s; see that its sched"):
            Cluster.reach(f"tcp://127.0.0.1:{port}", lambda: None, 0.5)
        assert time.monotonic() - began < 3


def test_whoever_gives_up_need_not_wait() -> None:
    def give_up() -> None:
        raise KeyError

    with socket.create_server(("127.0.0.1", 0)) as server:
        began = time.monotonic()
        with pytest.raises(KeyError):
            Cluster.reach(f"tcp://127.0.0.1:{server.getsockname()[1]}", give_up, 2)
        assert time.monotonic() - began < 1


def test_cluster_without_workers_is_one_sentence() -> None:
    with (
        local_cluster(0) as cluster,
        pytest.raises(UserError, match=r"has no workers; start some, and resume the job\.$"),
    ):
        Cluster.reach(cluster.scheduler_address, lambda: None, 0.5)


# -- on the worker ------------------------------------------------------------------------------


def test_errand_is_carried_without_this_package() -> None:
    """By its code: the scheduler unpickles it, too."""
    import cloudpickle

    carried = cloudpickle.dumps(errand(asked()))
    names = {word for word in carried.split() if b"tsexplorer.students.chunks" in word}
    assert pickle.loads(carried).__name__ == f"chunk_{asked().chunk.key}"
    assert b"tsexplorer.students.dask_task" in carried
    assert names  # inside the content, which is bytes there


def test_worker_of_another_version_says_so() -> None:
    with pytest.raises(UserError, match=rf"^On .*: the worker has another version .*{__version__}"):
        perform("key", "0.0.9", b"")


@pytest.mark.parametrize("content", [b"", pickle.dumps(asked())])
def test_worker_that_reads_another_request_says_so(content: bytes) -> None:
    with pytest.raises(UserError, match=r"another version of this program"):
        perform("key", __version__, content)


def test_worker_without_the_data_says_where_it_looked(home: Path) -> None:
    away = request([student(data=DataSpec(name="mnist"))])
    with pytest.raises(UserError, match=rf"the images of mnist are not in {home / 'data'}; put"):
        errand(away)()


def test_worker_trains_with_its_own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TSEXPLORER_DEVICE", "cuda:99")
    get_settings.cache_clear()
    with pytest.raises(UserError, match=r"^On .*: The device 'cuda:99' is not on this machine"):
        errand(asked())()


# -- chunks out, answers in ---------------------------------------------------------------------


def test_chunk_is_trained_on_the_worker_even_where_it_is_the_only_one(
    threads: Any, reached: Cluster
) -> None:
    assert (reached.workers.count, reached.workers.slots) == (1, 1)
    wanted = asked()
    reached.send(wanted)
    answer = first_answer(reached)
    assert answer.error is None
    assert answer.result is not None
    assert answer.key == answer.result.key == wanted.chunk.key
    assert sent(threads)[wanted.chunk.key] == 1
    assert all(one.weights is not None for one in answer.result.students)


def test_one_chunk_fails_and_another_is_trained(reached: Cluster) -> None:
    bad = request([student(data=DataSpec(name="mnist"))])
    good = asked(seed=3)
    reached.send(bad)
    reached.send(good)
    answers = {}
    for _ in range(2):
        answer = first_answer(reached)
        answers[answer.key] = answer
    assert "the images of mnist are not in" in str(answers[bad.chunk.key].error)
    assert answers[good.chunk.key].result is not None


def test_chunk_that_nobody_waits_for_ends(threads: Any) -> None:
    cluster = Cluster.reach(threads.scheduler_address, lambda: None)
    cluster.send(asked(epochs=10_000))
    worker = next(iter(threads.workers.values()))
    wait_until(lambda: busy(threads) and worker.state.executing)
    began = time.monotonic()
    cluster.close()
    assert time.monotonic() - began < 0.2
    wait_until(lambda: not worker.state.executing and not worker.state.tasks)
    assert cluster.answers(0.1) == []


def test_cluster_that_is_gone_is_one_sentence() -> None:
    with local_cluster(1) as own:
        cluster = Cluster.reach(own.scheduler_address, lambda: None, 2)
        cluster.send(asked(epochs=10_000, seed=5))
        wait_until(lambda: busy(own))
        address = own.scheduler_address
    answer = first_answer(cluster)
    assert str(answer.error).startswith(f"The cluster at {address} is gone; what is trained")
    cluster.close()


def wait_until(condition: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def test_result_is_that_of_training_here(reached: Cluster) -> None:
    from tsexplorer.data.registry import load_splits

    wanted = asked(seed=7)
    reached.send(wanted)
    there = first_answer(reached).result
    here = together(wanted.chunk.students, splits=load_splits("mnist-5k", Path("unused")))
    assert there is not None
    for one, other in zip(there.students, here.students, strict=True):
        assert one.validation == pytest.approx(other.validation, abs=1e-5)
        assert one.test_accuracy == pytest.approx(other.test_accuracy, abs=2e-3)


def test_workers_are_counted_anew(threads: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "LOOK_SECONDS", 0.05)
    with Cluster.reach(threads.scheduler_address, lambda: None) as cluster:
        threads.scale(2)
        wait_until(lambda: cluster.workers.count == 2)
        threads.scale(1)
        wait_until(lambda: cluster.workers.count == 1)
