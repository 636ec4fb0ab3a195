"""The task that trains a chunk on a worker of a cluster.

The worker trains with its own settings: ``TSEXPLORER_*`` in the environment of the worker process
gives its data folder, device and number of threads.
"""

from __future__ import annotations

import pickle
import platform
from collections.abc import Callable
from dataclasses import replace

from tsexplorer import __version__
from tsexplorer.errors import UserError
from tsexplorer.students.chunks import ChunkRequest, ChunkResult

DEFAULT_THREADS = 1
"""Threads of a worker without TSEXPLORER_THREADS: clusters usually run one worker for each core."""


def make_task(request: ChunkRequest) -> Callable[[], ChunkResult]:
    """Make the function that a worker calls to train a chunk.

    The function is local, so that it is pickled by its code and not by its name: the scheduler also
    unpickles it, and does not need this package. A worker without this package, or with another
    version of it, raises an error that says so.
    """
    key, version, content = request.chunk.key, __version__, pickle.dumps(request)

    def chunk() -> ChunkResult:
        from tsexplorer.students.dask_task import run_task

        return run_task(key, version, content)

    chunk.__name__ = f"chunk_{key}"  # the name on Dask's dashboard
    return chunk


def run_task(key: str, version: str, content: bytes) -> ChunkResult:
    """Train a chunk on this worker until it ends or the client cancels it.

    Args:
        key: of the chunk, computed by the client.
        version: of this package on the client.
        content: the pickled request.

    Raises:
        Cancelled: the client no longer needs the result.
        UserError: the chunk cannot be trained here; the sentence names this machine.
    """
    try:
        return _train(_unpickle(key, version, content))
    except UserError as error:
        raise UserError(f"On {platform.node()}: {error}") from error


def _unpickle(key: str, version: str, content: bytes) -> ChunkRequest:
    """Unpickle a request.

    Raises:
        UserError: client and worker run different versions of this package.
    """
    if version != __version__:
        raise UserError(
            f"the worker has version {__version__} of this program and the client {version}; "
            "install the same version on both, and resume the job."
        )
    try:
        request: ChunkRequest = pickle.loads(content)
        same = request.chunk.key == key
    except Exception:  # classes that have changed can raise anything
        same = False
    if not same:
        raise UserError(
            "the files of this program differ between worker and client, though both are version "
            f"{version}; install the same files on both, and resume the job."
        )
    return request


def _train(request: ChunkRequest) -> ChunkResult:
    import torch

    from tsexplorer.data.registry import get_dataset
    from tsexplorer.settings import get_settings
    from tsexplorer.students.run_chunk import run_chunk
    from tsexplorer.training.control import Control

    settings = get_settings()
    dataset = request.chunk.students[0].data.name
    data_folder = settings.data_folder.absolute()
    if not get_dataset(dataset).is_available(data_folder):
        raise UserError(
            f"the images of {dataset} are not in {data_folder}; put them there, or set "
            "TSEXPLORER_DATA to their folder when you start the worker, and resume the job."
        )
    # torch copies the number of threads to a new thread on the first read, so read before writing.
    torch.get_num_threads()
    torch.set_num_threads(settings.threads or DEFAULT_THREADS)
    control, is_cancelled = Control(), _cancellation_check()

    def cancel_if_needed(_event: object) -> None:
        if is_cancelled():
            control.cancel()

    local_request = replace(request, data_folder=data_folder, device=settings.device, folder=None)
    result = run_chunk(local_request, cancel_if_needed, control)
    return replace(result, machine=f"{result.machine}, on {platform.node()}")


def _cancellation_check() -> Callable[[], bool]:
    """Make a function that returns whether the client has cancelled the running Dask task.

    Dask does not stop a running task: without this check the worker would train to the end. Outside
    a Dask worker the function always returns False.
    """
    try:
        from distributed import Status, get_worker

        worker = get_worker()
        tasks, key = worker.state.tasks, worker.get_current_task()
    except (ImportError, ValueError):  # another kind of cluster, or none
        return lambda: False

    def is_cancelled() -> bool:
        task = tasks.get(key)
        is_closing = worker.status in (Status.closing, Status.closed)
        return is_closing or task is None or task.state == "cancelled"

    return is_cancelled
