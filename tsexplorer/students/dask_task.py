"""A chunk on its way to a worker, and what the worker does with it.

The worker's own settings (``TSEXPLORER_*`` where it was started) say where its data lies, on which
device it trains and with how many threads.
"""

from __future__ import annotations

import pickle
import platform
from collections.abc import Callable
from dataclasses import replace

from tsexplorer import __version__
from tsexplorer.errors import UserError
from tsexplorer.students.chunks import ChunkRequest, ChunkResult

THREADS = 1
"""A worker's, unless its TSEXPLORER_THREADS says otherwise: there is one a core, as a rule."""
Errand = Callable[[], ChunkResult]


def errand(request: ChunkRequest) -> Errand:
    """What a worker is to call for a chunk.

    It is an inner function, which travels as its code: the scheduler unpickles it, too, and need
    not have this package; a worker that has none, or another version, says so in a sentence.
    """
    key, version, content = request.chunk.key, __version__, pickle.dumps(request)

    def chunk() -> ChunkResult:
        from tsexplorer.students.dask_task import perform

        return perform(key, version, content)

    chunk.__name__ = f"chunk_{key}"  # what Dask's dashboard shows
    return chunk


def perform(key: str, version: str, content: bytes) -> ChunkResult:
    """Train a chunk on this machine, which is a worker, for as long as anybody wants it.

    Args:
        key: the chunk's, where it was cut.
        version: of this package, there.
        content: the pickled request.

    Raises:
        Cancelled: nobody wants it any more.
        UserError: something is not as it should be here; the sentence names this machine.
    """
    try:
        return _trained(_opened(key, version, content))
    except UserError as error:
        raise UserError(f"On {platform.node()}: {error}") from error


def _opened(key: str, version: str, content: bytes) -> ChunkRequest:
    """The request, if it means here what it means there."""
    request = None
    if version == __version__:
        try:
            request = pickle.loads(content)
        except Exception:  # whatever a class that has changed may raise
            request = None
    if request is None or request.chunk.key != key:
        raise UserError(
            f"the worker has another version of this program ({__version__}) than the one that "
            f"asks ({version}); give both the same, and resume the job."
        )
    asked: ChunkRequest = request
    return asked


def _trained(request: ChunkRequest) -> ChunkResult:
    import torch

    from tsexplorer.data.registry import get_dataset
    from tsexplorer.settings import get_settings
    from tsexplorer.students.run_chunk import run_chunk
    from tsexplorer.training.control import Control

    settings = get_settings()
    name, folder = request.chunk.students[0].data.name, settings.data_folder.absolute()
    if not get_dataset(name).is_available(folder):
        raise UserError(
            f"the images of {name} are not in {folder}; put them there, or start the worker with "
            "TSEXPLORER_DATA set to where they are, and resume the job."
        )
    torch.get_num_threads()  # the thread's first look takes over the process's number
    torch.set_num_threads(settings.threads or THREADS)
    control, wanted = Control(), _wanted()

    def listen(_event: object) -> None:
        if not wanted():
            control.cancel()

    here = replace(request, data=folder, device=settings.device, folder=None)
    result = run_chunk(here, listen, control)
    return replace(result, machine=f"{result.machine}, on {platform.node()}")


def _wanted() -> Callable[[], bool]:
    """Whether whoever sent the chunk still waits for it; always, where that cannot be told.

    Dask does not stop a task that runs: a worker would train to the end for nobody.
    """
    try:
        from distributed import Status, get_worker

        worker = get_worker()
        tasks, key = worker.state.tasks, worker.get_current_task()
    except (ImportError, ValueError):  # another kind of cluster, or none
        return lambda: True

    def wanted() -> bool:
        task = tasks.get(key)
        leaving = worker.status in (Status.closing, Status.closed)
        return not leaving and task is not None and task.state != "cancelled"

    return wanted
