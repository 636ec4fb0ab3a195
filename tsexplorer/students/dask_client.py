"""A Dask cluster as seen from here: chunks out, answers in, in whatever order they come.

Each chunk is a ``joblib.Parallel`` call of its own, on a thread of its own. A call for all of them
fails as a whole where one does, and sends on from a look ahead that nobody can hold.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, wait
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, Self

from tsexplorer.errors import UserError
from tsexplorer.students.chunks import ChunkRequest, ChunkResult
from tsexplorer.students.dask_address import checked_address
from tsexplorer.students.dask_task import errand

log = logging.getLogger(__name__)
PATIENCE_SECONDS = 10.0
"""How long a scheduler has to answer, and to have a worker."""
LOOK_SECONDS = 1.0
"""How often workers are counted."""
POLL_SECONDS = 0.05


@dataclass(frozen=True, eq=False)
class Answer:
    """What became of a chunk.

    Attributes:
        key: the chunk's.
        result: where it was trained.
        error: where it was not; a ``UserError`` wherever that says all.
    """

    key: str
    result: ChunkResult | None = None
    error: Exception | None = None


@dataclass(frozen=True)
class Workers:
    """Those of a cluster at a moment.

    Attributes:
        count: processes.
        slots: chunks that they train at once: one a thread of Dask's.
        memory: bytes a chunk may take where that is least; None where no worker has a limit.
    """

    count: int = 0
    slots: int = 0
    memory: int | None = None


class Cluster:
    """A cluster that has answered; a context manager that lets go of it."""

    def __init__(self, address: str, client: Any) -> None:
        """Speak through a client of ``distributed``; use :meth:`reach`."""
        self._address, self._client = address, client
        self._answers: SimpleQueue[Answer] = SimpleQueue()
        self._over = threading.Event()
        self.workers = _workers(client)
        self._watch = threading.Thread(target=self._look, name="cluster", daemon=True)
        self._watch.start()

    @classmethod
    def reach(
        cls, address: str, check: Callable[[], object], patience: float | None = None
    ) -> Self:
        """The cluster of a scheduler.

        Args:
            address: of the scheduler.
            check: called again and again meanwhile; may raise to give up.
            patience: seconds that it has to answer, and to have a worker.

        Raises:
            UserError: there is none at the address, it has no workers, or packages are missing.
        """
        address = checked_address(address)
        patience = PATIENCE_SECONDS if patience is None else patience
        deadline = monotonic() + patience
        client = _connected(address, patience, check)
        cluster = cls(address, client)
        try:
            while not cluster.workers.slots:
                check()
                if monotonic() > deadline:
                    raise UserError(
                        f"The cluster at {address} has no workers; start some, and resume the job."
                    )
                cluster._over.wait(POLL_SECONDS)
        except BaseException:
            cluster.close()
            raise
        return cluster

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, request: ChunkRequest) -> None:
        """Have a chunk trained; :meth:`answers` will have what became of it.

        A worker that dies with it costs this chunk alone, which Dask gives to another one.
        """
        threading.Thread(
            target=self._carry, args=(request,), name=f"chunk-{request.chunk.key}", daemon=True
        ).start()

    def answers(self, seconds: float) -> list[Answer]:
        """What has come in; waits so long for a first one."""
        found = []
        with suppress(Empty):
            found.append(self._answers.get(timeout=seconds))
            while True:
                found.append(self._answers.get_nowait())
        return found

    def close(self) -> None:
        """Let go: what still trains there is given up. Returns at once."""
        if not self._over.is_set():
            self._over.set()
            threading.Thread(target=self._leave, name="cluster-leaves", daemon=True).start()

    def _carry(self, request: ChunkRequest) -> None:
        from joblib import Parallel, delayed, parallel_config

        from tsexplorer.students.dask_backend import ChunkBackend

        key = request.chunk.key
        try:
            with parallel_config(backend=ChunkBackend(client=self._client)):
                # As a call without arguments: joblib puts arguments on one worker, to be fetched
                # from there, and a chunk could not be given to another when that one dies.
                [result] = Parallel(batch_size=1)([delayed(errand(request))()])
            self._answers.put(Answer(key, result=result))
        except Exception as error:
            if not self._over.is_set():
                self._answers.put(Answer(key, error=self._in_words(error)))

    def _in_words(self, error: Exception) -> Exception:
        """What a person can mend, in a sentence; all else as it is."""
        from distributed import KilledWorker

        if isinstance(error, KilledWorker):
            return UserError(
                f"Every worker that was given these students died ({error.allowed_failures + 1} in "
                "all), perhaps for want of memory; give the workers more, or take a smaller net or "
                "batch, and resume the job."
            )
        if isinstance(error, CancelledError):
            return UserError(
                f"The cluster at {self._address} is gone; what is trained is kept: resume the job "
                "when it is back."
            )
        if isinstance(error, ModuleNotFoundError):
            return UserError(
                f"A worker of {self._address} lacks the package {error.name}; start the workers in "
                "this program's folder, with the packages of its requirements.txt."
            )
        return error

    def _look(self) -> None:
        """Count the workers now and then, on a thread of its own: it may take its time."""
        while not self._over.wait(LOOK_SECONDS if self.workers.slots else POLL_SECONDS):
            try:
                self.workers = _workers(self._client)
            except Exception as error:  # the next look may be better
                log.info("the workers of %s cannot be counted: %s", self._address, error)

    def _leave(self) -> None:
        with suppress(Exception):
            self._client.cancel(list(_futures(self._client)))
        with suppress(Exception):
            self._client.close()


def _connected(address: str, patience: float, check: Callable[[], object]) -> Any:
    """A client, made on a thread of its own, so that ``check`` is called meanwhile."""
    made: Future[Any] = Future()

    def connect() -> None:
        try:
            made.set_result(_client(address, patience))
        except Exception as error:
            made.set_exception(error)

    threading.Thread(target=connect, name="cluster-call", daemon=True).start()
    deadline = monotonic() + patience
    try:
        while not made.done() and monotonic() < deadline:
            check()
            wait([made], POLL_SECONDS)
        return made.result(timeout=0)
    except Exception as error:
        made.add_done_callback(_close_late)
        if not isinstance(error, TimeoutError | OSError | ImportError):
            raise
        log.info("no cluster at %s: %r", address, error)
        raise UserError(
            f"The cluster at {address} does not answer within {patience:g} s; see that its "
            "scheduler runs and the address is right, and resume the job."
        ) from error


def _close_late(made: Future[Any]) -> None:
    """A client that nobody waits for any more."""
    if made.exception() is None:
        made.result().close()


def _client(address: str, patience: float) -> Any:
    import dask
    from distributed import Client

    # A teacher travels with each chunk; Dask warns of large calls, for reasons not ours.
    dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"})
    return Client(address, timeout=patience, set_as_default=False)  # type: ignore[no-untyped-call]


def _workers(client: Any) -> Workers:
    found = client.scheduler_info(n_workers=-1)["workers"].values()
    limits = [one["memory_limit"] // one["nthreads"] for one in found if one["memory_limit"]]
    return Workers(
        count=len(found),
        slots=sum(one["nthreads"] for one in found),
        memory=min(limits, default=None),
    )


def _futures(client: Any) -> list[Any]:
    from distributed import Future

    return [Future(key, client) for key in list(client.futures)]
