"""Training one chunk, here or on any machine that has the data: a request in, a result out."""

from __future__ import annotations

import torch

from tsexplorer.data.registry import Splits, load_splits
from tsexplorer.specs import StageSpec
from tsexplorer.sweeps.apart import train_apart
from tsexplorer.sweeps.chunks import ChunkRequest, ChunkResult, StudentResult, as_arrays
from tsexplorer.sweeps.events import GiveUp, nobody
from tsexplorer.sweeps.together import Done, train_together
from tsexplorer.training.control import Control
from tsexplorer.training.events import Listener, shielded
from tsexplorer.training.precision import machine, pick_device
from tsexplorer.training.task import Trained


def run_chunk(
    request: ChunkRequest,
    emit: Listener,
    control: Control,
    splits: Splits | None = None,
    give_up: GiveUp = nobody,
) -> ChunkResult:
    """Train a chunk in the calling thread, going on from its checkpoint if there is one.

    The checkpoint stays: whoever keeps the result removes the request's folder.

    Args:
        request: what to train, with all that it needs.
        emit: hears :mod:`tsexplorer.sweeps.events`; may raise, which is logged.
        control: pause, resume, step one epoch, cancel.
        splits: the data, where it is in memory; else it is read from ``request.data``.
        give_up: says after each epoch which students need not go on; nobody if not given. What it
            raises ends the chunk.

    Raises:
        Cancelled: ``control`` said so; what is done stays.
        UserError: data or disk are not as they should be, in one sentence.
    """
    chunk = request.chunk
    device = pick_device(request.device)
    splits = splits or load_splits(chunk.students[0].data.name, request.data)
    train = train_together if chunk.stacked else train_apart
    done, seconds = train(
        chunk,
        splits,
        device,
        shelf(request),
        request.folder,
        shielded(emit),
        control,
        give_up,
    )
    results = tuple(_result(one, with_weights=request.with_weights) for one in done)
    return ChunkResult(chunk.key, results, seconds, machine(device))


def shelf(request: ChunkRequest) -> Trained:
    """Looks up the nets that a request carries."""

    def trained(key: str) -> tuple[StageSpec, dict[str, torch.Tensor]]:
        spec, arrays = request.nets[key]
        return spec, {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}

    return trained


def _result(done: Done, *, with_weights: bool) -> StudentResult:
    return StudentResult(
        spec=done.spec,
        kept_epoch=done.kept_epoch,
        epochs=done.epochs,
        validation=done.validation,
        test_accuracy=done.test_accuracy,
        weights=as_arrays(done.weights) if with_weights else None,
    )
