"""How long a sweep will take here, before it is queued: its chunks, tried with untrained nets.

How long a teacher's answer takes does not depend on what it has learnt.
"""

from __future__ import annotations

from collections.abc import Collection

from tsexplorer.data.registry import get_dataset, load_splits
from tsexplorer.jobs.cores import use_cores
from tsexplorer.models import build
from tsexplorer.settings import Settings
from tsexplorer.specs import StageSpec
from tsexplorer.sweeps.chunks import Arrays, Chunk, ChunkRequest, as_arrays, plan_chunks
from tsexplorer.sweeps.cost import Paces, cost
from tsexplorer.sweeps.memory import available
from tsexplorer.sweeps.spec import SweepSpec


def rehearse(sweep: SweepSpec, done: Collection[str], settings: Settings, paces: Paces) -> float:
    """Seconds for what is left of a sweep.

    Args:
        sweep: what is asked for.
        done: hashes of the nets that are trained.
        settings: of the process.
        paces: what was measured before; what is measured now is added.

    Raises:
        UserError: the data is not as it should be, or a net does not fit into memory.
    """
    use_cores(settings.threads)
    info = get_dataset(sweep.base.data.name).info
    before = [stage for stage in sweep.before if stage.hash not in done]
    students = [stage for stage in sweep.students if stage.hash not in done]
    chunks = [Chunk((stage,), stacked=False, sentence="") for stage in before]
    chunks += plan_chunks(students, info, available()) if students else ()
    nets = {stage.hash: _untrained(stage, len(info.classes)) for stage in sweep.before}
    splits = load_splits(sweep.base.data.name, settings.data_folder)
    requests = [
        ChunkRequest(chunk, nets, settings.data_folder, device=settings.device) for chunk in chunks
    ]
    return cost(requests, splits, paces).seconds


def _untrained(stage: StageSpec, classes: int) -> tuple[StageSpec, Arrays]:
    return stage, as_arrays(build(stage.model, classes, seed=stage.seed).state_dict())
