"""Inference with trained nets: logits and features over a split (cached), logits of new images."""

from __future__ import annotations

import hashlib
import json
import threading
import zlib
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tsexplorer.analysis.latency import one_thread
from tsexplorer.data.base import ImageTask
from tsexplorer.data.batches import evaluation_batches
from tsexplorer.data.registry import Split, Splits
from tsexplorer.errors import UserError
from tsexplorer.models import build, count
from tsexplorer.models.network import Net
from tsexplorer.specs import StageSpec
from tsexplorer.training import checkpoints
from tsexplorer.training.device import has_convolutions
from tsexplorer.training.responsiveness import evaluation_batch_size

SplitName = Literal["validation", "test"]
OutputKind = Literal["answers", "features"]
ProgressCallback = Callable[[float], object]
"""Called with the completed share, 0 to 1, before each batch; may raise to stop."""

FORMAT = 1
"""Version of the cached outputs; increases if the same net and images give other outputs."""
CACHE_SIZES: dict[OutputKind, int] = {"answers": 16, "features": 3}
"""Entries in memory: for 10,000 images 0.5 MB (answers) and up to 40 MB (features) each."""
CACHED_NETS = 12
"""Nets in memory: the three nets of four experiments."""
MISSING_WEIGHTS = "The weights of this net are missing; train the experiment again."
WRONG_WEIGHTS = "The weights file belongs to another net; train the experiment again."
NOT_FINITE = "The outputs of this net are not finite; train it with a lower learning rate."


class TrainedNet(NamedTuple):
    """A trained net and the folder of its cached outputs.

    Attributes:
        stage: the stage that was trained.
        weights: its weights file.
        folder: for cached outputs; may be missing or read-only.
    """

    stage: StageSpec
    weights: Path
    folder: Path


@dataclass(frozen=True, eq=False)
class Answers:
    """A net's logits over a split, in its order. Shared between sessions, therefore read-only.

    Attributes:
        key: identifies stage, weights and images.
        split: name of the split.
        logits_NC: float32.
        labels_N: int64, true classes.
    """

    key: str
    split: SplitName
    logits_NC: NDArray[np.float32]
    labels_N: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Query:
    """A net and a split; ``identity`` is stored in each file of outputs."""

    net: TrainedNet
    splits: Splits
    name: SplitName
    identity: dict[str, Any]

    @property
    def key(self) -> str:
        return json.dumps(self.identity, sort_keys=True)

    @property
    def split(self) -> Split:
        return _split(self.splits, self.name)

    def path(self, kind: OutputKind) -> Path:
        return self.net.folder / f"{kind}-{self.name}.safetensors"


class AnswerCache:
    """Outputs of nets from memory, else from disk, else computed. Thread-safe.

    Threads with the same query wait for one computation. Nets run one at a time, on one core, so
    that a training beside them keeps the others.
    """

    def __init__(self) -> None:
        self._outputs: dict[OutputKind, OrderedDict[str, dict[str, Tensor]]] = {
            kind: OrderedDict() for kind in CACHE_SIZES
        }
        self._digests: dict[Path, tuple[tuple[int, ...], str]] = {}
        self._lock = threading.Lock()
        self._query_locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def answers(
        self,
        net: TrainedNet,
        splits: Splits,
        split: SplitName,
        on_progress: ProgressCallback = lambda _share: None,
    ) -> Answers:
        """Return a net's logits over a split.

        Args:
            net: the net.
            splits: the dataset of its stage.
            split: the images of the dataset.
            on_progress: called during the computation, if there is one.

        Raises:
            UserError: the weights are missing, damaged or of another net, or the outputs are not
                finite.
        """
        query, tensors = self._get("answers", net, splits, split, on_progress)
        labels_N = _read_only(query.split.labels)
        return Answers(query.key, split, _read_only(tensors["logits"]), labels_N)

    def features(
        self,
        net: TrainedNet,
        splits: Splits,
        split: SplitName,
        on_progress: ProgressCallback = lambda _share: None,
    ) -> NDArray[np.float32]:
        """Return a net's activations N×F before its last layer; see :meth:`answers`."""
        _, tensors = self._get("features", net, splits, split, on_progress)
        return _read_only(tensors["features"])

    def _get(
        self,
        kind: OutputKind,
        net: TrainedNet,
        splits: Splits,
        split: SplitName,
        on_progress: ProgressCallback,
    ) -> tuple[_Query, dict[str, Tensor]]:
        while True:
            query = self._query(net, splits, split)
            with self._lock:
                query_lock = self._query_locks[query.key]
            with query_lock:
                tensors = self._from_memory(kind, query.key) or _read(kind, query)
                tensors = tensors or self._compute(kind, query, on_progress)
                if tensors is not None:
                    self._to_memory(kind, query.key, tensors)
                    return query, tensors

    def _compute(
        self, kind: OutputKind, query: _Query, on_progress: ProgressCallback
    ) -> dict[str, Tensor] | None:
        """Run the net and store its outputs; None if its weights were replaced meanwhile."""
        outputs = compute_outputs(query.net, query.splits, query.split, on_progress)
        if self._digest(query.net.weights) != query.identity["weights"]:
            return None
        for name, tensors in outputs.items():
            _write(name, query, tensors)
        return outputs[kind]

    def _query(self, net: TrainedNet, splits: Splits, split: SplitName) -> _Query:
        """Build a query; its images are identified by their labels and the pixel statistics.

        A digest of the images themselves would take longer than reading the stored outputs.
        """
        labels = _split(splits, split).labels
        identity = {
            "format": FORMAT,
            "stage": net.stage.hash,
            "weights": self._digest(net.weights),
            "split": split,
            "labels": f"{len(labels)}-{zlib.crc32(labels.numpy().tobytes()):08x}",
            **_statistics(splits),
        }
        return _Query(net, splits, split, identity)

    def _digest(self, path: Path) -> str:
        """Return the digest of a file; computed again if the file has changed."""
        try:
            stat = path.stat()
            state = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
            entry = self._digests.get(path)
            if entry is None or entry[0] != state:
                entry = state, hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
                self._digests[path] = entry
        except FileNotFoundError:
            raise UserError(MISSING_WEIGHTS) from None
        except OSError as error:
            raise UserError(f"{path} cannot be read; check its permissions.") from error
        return entry[1]

    def _from_memory(self, kind: OutputKind, key: str) -> dict[str, Tensor] | None:
        with self._lock:
            return self._outputs[kind].get(key)

    def _to_memory(self, kind: OutputKind, key: str, tensors: dict[str, Tensor]) -> None:
        with self._lock:
            self._outputs[kind][key] = tensors
            self._outputs[kind].move_to_end(key)
            while len(self._outputs[kind]) > CACHE_SIZES[kind]:
                self._outputs[kind].popitem(last=False)


def compute_outputs(
    net: TrainedNet,
    splits: Splits,
    split: Split,
    on_progress: ProgressCallback = lambda _share: None,
) -> dict[OutputKind, dict[str, Tensor]]:
    """Compute a net's logits and features over a split, on one core, in fp32.

    Uses the scaling of the stage's data spec and the batches of the evaluation after training, so
    that accuracies are exactly equal.

    Raises:
        UserError: the weights are missing, damaged or of another net, or the outputs are not
            finite.
    """
    stage = net.stage
    task = splits.info.task
    module = load_net(net, task)
    size = evaluation_batch_size(count(stage.model, task).macs)
    batches = evaluation_batches(
        split,
        splits.normalisation(stage.data.scaling),
        device="cpu",
        batch_size=size,
    )
    features, logits = [], []
    with one_thread(), torch.no_grad():
        for number, images in enumerate(batches):
            on_progress(number * size / len(split))
            features.append(module.features(images))
            logits.append(module.logits(features[-1]))
        z_NC, x_NF = torch.cat(logits), torch.cat(features)
    if not bool(z_NC.isfinite().all() and x_NF.isfinite().all()):
        raise UserError(NOT_FINITE)
    return {"answers": {"logits": z_NC}, "features": {"features": x_NF}}


def _statistics(splits: Splits) -> dict[str, Any]:
    """Mean and deviation for an identity: numbers for grey images, as in earlier versions."""
    mean, deviation = splits.statistics
    if len(mean) == 1:
        return {"mean": mean[0], "deviation": deviation[0]}
    return {"mean": list(mean), "deviation": list(deviation)}


def load_net(net: TrainedNet, task: ImageTask) -> Net:
    """Build a trained net on the CPU, in evaluation mode.

    Raises:
        UserError: the weights are missing, damaged or of another net.
    """
    try:
        weights, _ = checkpoints.read(net.weights)
    except FileNotFoundError:
        raise UserError(MISSING_WEIGHTS) from None
    module = build(net.stage.model, task, seed=0)
    if not checkpoints.fits_net(weights, module):
        raise UserError(WRONG_WEIGHTS)
    module.load_state_dict(weights)
    if has_convolutions(module):
        module.to(memory_format=torch.channels_last)
    return module.eval()


def _read(kind: OutputKind, query: _Query) -> dict[str, Tensor] | None:
    """Read stored outputs; None if they are missing, damaged or belong to another query."""
    try:
        tensors, identity = checkpoints.read(query.path(kind))
    except (FileNotFoundError, UserError):
        return None
    return tensors if identity == query.identity else None


def _write(kind: OutputKind, query: _Query, tensors: dict[str, Tensor]) -> None:
    with suppress(UserError):  # disk full or read-only: the next process computes them again
        checkpoints.write(query.path(kind), tensors, query.identity)


def _split(splits: Splits, name: SplitName) -> Split:
    return splits.validation if name == "validation" else splits.test


def _read_only(tensor: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = tensor.numpy()
    array.flags.writeable = False
    return array


FileState = tuple[Path, int, int]
"""Path, modification time in nanoseconds and size in bytes of a weights file."""


class NetCache:
    """Trained nets in memory, by weights file. Thread-safe."""

    def __init__(self) -> None:
        self._nets: OrderedDict[FileState, Net] = OrderedDict()
        self._lock = threading.Lock()

    def logits(
        self, net: TrainedNet, splits: Splits, pixels_N: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """Return a net's logits N×C over images, in fp32 on one core.

        Args:
            net: the net.
            splits: the dataset of its stage; its mean and deviation scale the images.
            pixels_N: uint8 N×H×W or N×H×W×3.

        Raises:
            UserError: the weights are missing, damaged or of another net, or the outputs are not
                finite.
        """
        # A copy, because the pixels may be read-only, and torch does not support that.
        pixels = torch.from_numpy(np.array(pixels_N))
        images = splits.normalisation(net.stage.data.scaling)(pixels)
        module = self._load(net, splits.info.task)
        with one_thread(), torch.inference_mode():
            z_NC = module(images)
        if not bool(z_NC.isfinite().all()):
            raise UserError(NOT_FINITE)
        logits: NDArray[np.float32] = z_NC.numpy()
        return logits

    def _load(self, net: TrainedNet, task: ImageTask) -> Net:
        """Return the net from memory, or load it if its weights file has changed."""
        try:
            stat = net.weights.stat()
            state = (net.weights, stat.st_mtime_ns, stat.st_size)
        except OSError:
            state = (net.weights, 0, 0)  # load_net reports the error
        with self._lock:
            module = self._nets.get(state)
            if module is None:
                module = self._nets[state] = load_net(net, task)
            self._nets.move_to_end(state)
            while len(self._nets) > CACHED_NETS:
                self._nets.popitem(last=False)
            return module
