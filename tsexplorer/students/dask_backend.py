"""joblib's Dask backend, as it must be for chunks."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from joblib._dask import DaskDistributedBackend

Callback = Callable[[Any], None]


class ChunkBackend(DaskDistributedBackend):  # type: ignore[misc]
    """Sends single calls to Dask, and hears of each what became of it."""

    def effective_n_jobs(self, n_jobs: int) -> int:  # noqa: ARG002
        """More than one, always: joblib calls what is for a cluster of one core in this process."""
        return 2

    def submit(self, func: Any, callback: Callback) -> Future[Any]:
        """Send a call.

        joblib does not pass on what Dask itself raises, as where a worker dies with each attempt:
        whoever waits for the call would wait for ever.
        """
        job: Future[Any] = super().submit(func, callback)

        def pass_on(done: Future[Any]) -> None:
            error = done.exception()
            if error is not None:
                callback(error)

        job.add_done_callback(pass_on)
        return job
