"""Connection to a Dask cluster: submit chunks, get their results in the order they finish.

Uses the public API of ``distributed``, and imports it at the first connection only, so that
:func:`checked_address` is quick.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, wait
from concurrent.futures import Future as LocalFuture
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

from tsexplorer.errors import UserError, shorten
from tsexplorer.students.chunks import ChunkRequest, ChunkResult
from tsexplorer.students.dask_task import make_task

if TYPE_CHECKING:
    from distributed import Client, Future

log = logging.getLogger(__name__)
PACKAGES = ("distributed",)
"""Packages of requirements-cluster.txt."""
ADDRESS = re.compile(
    r"(?:(?P<scheme>\w+)://)?(?P<host>\[[0-9A-Fa-f:.]+\]|[\w.-]+):(?P<port>\d{1,5})"
)
SCHEMES = ("tcp", "tls")
CONNECT_SECONDS = 10.0
"""Time limit for the scheduler to answer and to have a worker."""
COUNT_SECONDS = 1.0
"""Interval between two counts of the workers."""
POLL_SECONDS = 0.05


def checked_address(text: str) -> str:
    """Check the address of a Dask scheduler and add the scheme ``tcp`` if it has none.

    >>> checked_address(" box7:8786 ")
    'tcp://box7:8786'

    Raises:
        UserError: it is not the address of a Dask scheduler, or packages are missing.
    """
    address = ADDRESS.fullmatch(text.strip())
    scheme = (address["scheme"] or SCHEMES[0]) if address else ""
    if scheme == "ray":
        raise UserError(
            "This program cannot connect to a Ray cluster; tsexplorer/students/README.md shows how "
            "to train chunks on Ray."
        )
    if address is None or scheme not in SCHEMES or not 0 < int(address["port"]) < 2**16:
        raise UserError(
            f"{shorten(text)} is not the address of a Dask scheduler; write it as "
            "tcp://HOST:PORT, for example tcp://10.0.0.7:8786."
        )
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise UserError(
            f"A cluster needs packages that are not installed here ({', '.join(missing)}); run "
            "make install-cluster, or pip install -r requirements-cluster.txt."
        )
    return f"{scheme}://{address['host']}:{address['port']}"


@dataclass(frozen=True, eq=False)
class CompletedChunk:
    """A chunk that has ended on the cluster: it has a result or an error.

    Attributes:
        key: of the chunk.
        result: None if the chunk failed.
        error: None if the chunk is trained; a ``UserError`` if one sentence explains the failure.
    """

    key: str
    result: ChunkResult | None = None
    error: Exception | None = None


@dataclass(frozen=True)
class WorkerCount:
    """The workers of a cluster at one moment.

    Attributes:
        processes: number of worker processes.
        slots: chunks that they train at once: one for each thread of Dask.
        memory: smallest memory limit for one chunk, bytes; None if no worker has a limit.
    """

    processes: int = 0
    slots: int = 0
    memory: int | None = None


class DaskCluster:
    """A connection to a Dask scheduler; a context manager that closes it.

    Attributes:
        workers: counted once a second.
    """

    def __init__(self, address: str, client: Client) -> None:
        """Use a client of ``distributed``; call :meth:`connect` instead."""
        self._address, self._client = address, client
        self._futures: dict[str, Future[ChunkResult]] = {}
        self._completed: SimpleQueue[CompletedChunk] = SimpleQueue()
        self._closed = threading.Event()
        self.workers = _count_workers(client)
        threading.Thread(target=self._count_repeatedly, name="cluster-count", daemon=True).start()

    @classmethod
    def connect(
        cls, address: str, check: Callable[[], object], timeout: float | None = None
    ) -> Self:
        """Connect to a scheduler that has at least one worker.

        Args:
            address: of the scheduler.
            check: called every 50 ms while waiting; may raise to stop.
            timeout: seconds to wait for an answer and for a worker.

        Raises:
            UserError: no scheduler answers at the address, it has no workers, or packages are
                missing.
        """
        address = checked_address(address)
        timeout = CONNECT_SECONDS if timeout is None else timeout
        deadline = monotonic() + timeout
        cluster = cls(address, _connect_client(address, timeout, check))
        try:
            while not cluster.workers.slots:
                check()
                if monotonic() > deadline:
                    raise UserError(
                        f"The cluster at {address} has no workers; start some, and resume the job."
                    )
                cluster._closed.wait(POLL_SECONDS)
        except BaseException:
            cluster.close()
            raise
        return cluster

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(self, request: ChunkRequest) -> None:
        """Start the training of a chunk; :meth:`completed` returns its result or error.

        If a worker dies, Dask gives its chunk to another worker.
        """
        key = request.chunk.key
        try:
            future = self._client.submit(make_task(request), pure=False)
        except Exception as error:
            self._completed.put(CompletedChunk(key, error=self._explain(error)))
            return
        self._futures[key] = future  # Dask drops a task as soon as no future refers to it
        future.add_done_callback(partial(self._collect, key))

    def completed(self, timeout: float) -> list[CompletedChunk]:
        """Return the chunks that have ended since the last call.

        Args:
            timeout: seconds to wait for the first one.
        """
        chunks: list[CompletedChunk] = []
        with suppress(Empty):
            chunks.append(self._completed.get(timeout=timeout))
            while True:
                chunks.append(self._completed.get_nowait())
        return chunks

    def close(self) -> None:
        """Cancel all running chunks and disconnect. Returns at once."""
        if not self._closed.is_set():
            self._closed.set()
            threading.Thread(target=self._disconnect, name="cluster-close", daemon=True).start()

    def _collect(self, key: str, future: Future[ChunkResult]) -> None:
        """Fetch the result of a chunk; Dask calls this in a thread for callbacks."""
        try:
            chunk = CompletedChunk(key, result=future.result())
        except (Exception, asyncio.CancelledError) as error:
            chunk = CompletedChunk(key, error=self._explain(error))
        self._futures.pop(key, None)
        if not self._closed.is_set():
            self._completed.put(chunk)

    def _explain(self, error: Exception | asyncio.CancelledError) -> Exception:
        """Turn an error that a person can resolve into a ``UserError``; return others unchanged."""
        from distributed import KilledWorker

        if isinstance(error, UserError):
            return error
        if isinstance(error, KilledWorker):
            deaths = error.allowed_failures + 1
            return UserError(
                f"{deaths} worker{'s' * (deaths != 1)} died while training these students, perhaps "
                "for lack of memory; give the workers more, or take a smaller net or batch, and "
                "resume the job."
            )
        if isinstance(error, ModuleNotFoundError):
            return UserError(
                f"A worker of {self._address} does not have the package {error.name}; start the "
                "workers in this program's folder, with the packages of its requirements.txt."
            )
        if (
            isinstance(error, CancelledError | asyncio.CancelledError)
            or self._client.status != "running"
        ):
            log.info("the connection to %s is lost: %r", self._address, error)
            return UserError(
                f"The connection to the cluster at {self._address} is lost; students that are "
                "trained are kept: resume the job when the cluster is back."
            )
        return error

    def _count_repeatedly(self) -> None:
        """Count the workers until the connection is closed, in a thread: a count can block."""
        while not self._closed.wait(COUNT_SECONDS if self.workers.slots else POLL_SECONDS):
            try:
                self.workers = _count_workers(self._client)
            except Exception as error:  # the next count may succeed
                log.info("the workers of %s cannot be counted: %s", self._address, error)

    def _disconnect(self) -> None:
        with suppress(Exception):
            self._client.cancel(list(self._futures.values()))
        with suppress(Exception):
            self._client.close()


def _connect_client(address: str, timeout: float, check: Callable[[], object]) -> Client:
    """Make a client in another thread, so that ``check`` can be called meanwhile."""
    connection: LocalFuture[Client] = LocalFuture()

    def connect() -> None:
        try:
            connection.set_result(_make_client(address, timeout))
        except Exception as error:
            connection.set_exception(error)

    threading.Thread(target=connect, name="cluster-connect", daemon=True).start()
    deadline = monotonic() + timeout
    try:
        while not connection.done() and monotonic() < deadline:
            check()
            wait([connection], POLL_SECONDS)
        return connection.result(timeout=0)
    except Exception as error:
        connection.add_done_callback(_close_client)
        if not isinstance(error, TimeoutError | OSError | ImportError):
            raise
        log.info("no connection to %s: %r", address, error)
        raise UserError(
            f"The cluster at {address} does not answer within {timeout:g} s; check that its "
            "scheduler runs and that the address is right, and resume the job."
        ) from error


def _close_client(connection: LocalFuture[Client]) -> None:
    """Close a client whose connection came too late."""
    if connection.exception() is None:
        connection.result().close()


def _make_client(address: str, timeout: float) -> Client:
    import dask
    from distributed import Client

    # Each chunk carries the weights of its teacher: Dask warns about large graphs above 10 MB.
    dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"})
    return Client(address, timeout=timeout, set_as_default=False)


def _count_workers(client: Client) -> WorkerCount:
    workers: list[Any] = list(client.scheduler_info(n_workers=-1)["workers"].values())
    limits = [
        worker["memory_limit"] // worker["nthreads"] for worker in workers if worker["memory_limit"]
    ]
    return WorkerCount(
        processes=len(workers),
        slots=sum(worker["nthreads"] for worker in workers),
        memory=min(limits, default=None),
    )
