"""Answers of trained nets: logits, probabilities and features, on one thread, cached."""

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
from tsexplorer.data.batches import evaluation_batches, scale
from tsexplorer.data.registry import Split, Splits
from tsexplorer.errors import UserError
from tsexplorer.models import build, count
from tsexplorer.models.network import Net
from tsexplorer.specs import StageSpec
from tsexplorer.training import checkpoints
from tsexplorer.training.device import has_convolutions
from tsexplorer.training.responsiveness import evaluation_batch_size

SplitName = Literal["validation", "test"]
Part = Literal["answers", "features"]
Check = Callable[[float], object]
"""Called with the share done, 0...1, before each batch; may raise to stop."""

FORMAT = 1
"""Goes up when the same net and images would be answered otherwise."""
KEPT: dict[Part, int] = {"answers": 16, "features": 3}
"""How many the process keeps in memory: for 10,000 images 0.5 MB and up to 40 MB each."""
MISSING = "The weights of this net are missing; train the experiment again."
MISFIT = "The weights found belong to another net; train the experiment again."
DIVERGED = "This net answers with something else than numbers; train it with a lower learning rate."


class Source(NamedTuple):
    """A trained net and where its answers are kept.

    Attributes:
        stage: what was trained.
        weights: its weights file.
        folder: for the answers; need not be there, and may be read-only.
    """

    stage: StageSpec
    weights: Path
    folder: Path


@dataclass(frozen=True, eq=False)
class Answers:
    """A net's answers over a split, in its order. Shared between sessions, and so read-only.

    Attributes:
        key: the same for the same stage, weights and images alone.
        split: which images.
        logits_NC: float32.
        labels_N: int64, true classes.
    """

    key: str
    split: SplitName
    logits_NC: NDArray[np.float32]
    labels_N: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Question:
    """A net and a split; ``identity`` stands in each file that answers it."""

    source: Source
    splits: Splits
    name: SplitName
    identity: dict[str, Any]

    @property
    def key(self) -> str:
        return json.dumps(self.identity, sort_keys=True)

    @property
    def split(self) -> Split:
        return _split(self.splits, self.name)

    def path(self, part: Part) -> Path:
        return self.source.folder / f"{part}-{self.name}.safetensors"


class AnswerCache:
    """Answers from memory, else from disk, else from the net; safe to ask from several threads.

    Threads that ask the same wait for one computation. Nets are asked one at a time, on one core,
    so that a trainer beside them keeps the others.
    """

    def __init__(self) -> None:
        self._kept: dict[Part, OrderedDict[str, dict[str, Tensor]]] = {
            part: OrderedDict() for part in KEPT
        }
        self._digests: dict[Path, tuple[tuple[int, ...], str]] = {}
        self._guard = threading.Lock()
        self._asking: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def answers(
        self,
        source: Source,
        splits: Splits,
        split: SplitName,
        check: Check = lambda _share: None,
    ) -> Answers:
        """A net's logits over a split.

        Args:
            source: which net.
            splits: the dataset of its stage.
            split: which images of it.
            check: told how far a computation is; unused where there is none.

        Raises:
            UserError: the weights are missing, damaged, another net's, or not numbers.
        """
        question, tensors = self._ask("answers", source, splits, split, check)
        labels_N = _read_only(question.split.labels)
        return Answers(question.key, split, _read_only(tensors["logits"]), labels_N)

    def features(
        self,
        source: Source,
        splits: Splits,
        split: SplitName,
        check: Check = lambda _share: None,
    ) -> NDArray[np.float32]:
        """A net's activations N×F before its last layer; arguments and errors as above."""
        _, tensors = self._ask("features", source, splits, split, check)
        return _read_only(tensors["features"])

    def _ask(
        self, part: Part, source: Source, splits: Splits, split: SplitName, check: Check
    ) -> tuple[_Question, dict[str, Tensor]]:
        while True:
            question = self._question(source, splits, split)
            with self._guard:
                asking = self._asking[question.key]
            with asking:
                tensors = self._recall(part, question.key) or _read(part, question)
                tensors = tensors or self._compute(part, question, check)
                if tensors is not None:
                    self._keep(part, question.key, tensors)
                    return question, tensors

    def _compute(self, part: Part, question: _Question, check: Check) -> dict[str, Tensor] | None:
        """Ask the net; None where its weights were replaced meanwhile."""
        everything = compute(question.source, question.splits, question.split, check)
        if self._digest(question.source.weights) != question.identity["weights"]:
            return None
        for name, tensors in everything.items():
            _write(name, question, tensors)
        return everything[part]

    def _question(self, source: Source, splits: Splits, split: SplitName) -> _Question:
        """Name what decides the answers; the images by their labels and the dataset's pixels.

        A digest of the images themselves would take longer than to read the answers.
        """
        labels = _split(splits, split).labels
        identity = {
            "format": FORMAT,
            "stage": source.stage.hash,
            "weights": self._digest(source.weights),
            "split": split,
            "labels": f"{len(labels)}-{zlib.crc32(labels.numpy().tobytes()):08x}",
            "mean": splits.mean,
            "deviation": splits.deviation,
        }
        return _Question(source, splits, split, identity)

    def _digest(self, path: Path) -> str:
        """Digest of a file, taken again when the file is another one or was written to."""
        try:
            stat = path.stat()
            state = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
            known = self._digests.get(path)
            if known is None or known[0] != state:
                known = state, hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
                self._digests[path] = known
        except FileNotFoundError:
            raise UserError(MISSING) from None
        except OSError as error:
            raise UserError(f"{path} may not be read; check its permissions.") from error
        return known[1]

    def _recall(self, part: Part, key: str) -> dict[str, Tensor] | None:
        with self._guard:
            return self._kept[part].get(key)

    def _keep(self, part: Part, key: str, tensors: dict[str, Tensor]) -> None:
        with self._guard:
            self._kept[part][key] = tensors
            self._kept[part].move_to_end(key)
            while len(self._kept[part]) > KEPT[part]:
                self._kept[part].popitem(last=False)


def compute(
    source: Source, splits: Splits, split: Split, check: Check = lambda _share: None
) -> dict[Part, dict[str, Tensor]]:
    """Ask a net for its answers and features over a split, on one core, in fp32.

    Images are scaled as the stage's data spec says, and taken in the same batches as at the
    training's end, so that accuracies agree to the last image.

    Raises:
        UserError: the weights are missing, damaged, another net's, or not numbers.
    """
    stage = source.stage
    net = load_net(source, len(splits.info.classes))
    size = evaluation_batch_size(count(stage.model, len(splits.info.classes)).macs)
    batches = evaluation_batches(
        split,
        scaling=stage.data.scaling,
        mean=splits.mean,
        deviation=splits.deviation,
        device="cpu",
        batch_size=size,
    )
    features, logits = [], []
    with one_thread(), torch.no_grad():
        for number, images in enumerate(batches):
            check(number * size / len(split))
            features.append(net.features(images))
            logits.append(net.logits(features[-1]))
        z_NC, x_NF = torch.cat(logits), torch.cat(features)
    if not bool(z_NC.isfinite().all() and x_NF.isfinite().all()):
        raise UserError(DIVERGED)
    return {"answers": {"logits": z_NC}, "features": {"features": x_NF}}


def load_net(source: Source, classes: int) -> Net:
    """A trained net, ready to answer on this machine's processor.

    Raises:
        UserError: the weights are missing, damaged or another net's.
    """
    try:
        weights, _ = checkpoints.read(source.weights)
    except FileNotFoundError:
        raise UserError(MISSING) from None
    net = build(source.stage.model, classes, seed=0)
    if not checkpoints.fits_net(weights, net):
        raise UserError(MISFIT)
    net.load_state_dict(weights)
    if has_convolutions(net):
        net.to(memory_format=torch.channels_last)
    return net.eval()


def _read(part: Part, question: _Question) -> dict[str, Tensor] | None:
    """What lies on disk, if it is whole and of this stage, these weights and these images."""
    try:
        tensors, identity = checkpoints.read(question.path(part))
    except (FileNotFoundError, UserError):
        return None
    return tensors if identity == question.identity else None


def _write(part: Part, question: _Question, tensors: dict[str, Tensor]) -> None:
    with suppress(UserError):  # a full or read-only disk: the next process computes it again
        checkpoints.write(question.path(part), tensors, question.identity)


def _split(splits: Splits, name: SplitName) -> Split:
    return splits.validation if name == "validation" else splits.test


def _read_only(tensor: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = tensor.numpy()
    array.flags.writeable = False
    return array


KEPT_RESULTS = 12
"""Nets kept: the three of four experiments."""

State = tuple[Path, int, int]


class Nets:
    """Nets by their weights file; safe to ask from several threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[State, Net] = OrderedDict()
        self._lock = threading.Lock()

    def logits(
        self, source: Source, splits: Splits, pixels_N: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """A net's logits N×C over images, scaled as in its training, in fp32 on one core.

        Args:
            source: which net.
            splits: the dataset of its stage, whose mean and deviation scale the images.
            pixels_N: uint8 N×28×28.

        Raises:
            UserError: the weights are missing, damaged, another net's, or not numbers.
        """
        data = source.stage.data
        # A copy: the pixels may be read-only, which torch knows nothing of.
        pixels = torch.from_numpy(np.array(pixels_N))
        images = scale(pixels, data.scaling, splits.mean, splits.deviation)
        net = self._net(source, len(splits.info.classes))
        with one_thread(), torch.inference_mode():
            z_NC = net(images)
        if not bool(z_NC.isfinite().all()):
            raise UserError(DIVERGED)
        logits: NDArray[np.float32] = z_NC.numpy()
        return logits

    def _net(self, source: Source, classes: int) -> Net:
        """From memory, unless the file was written anew."""
        try:
            stat = source.weights.stat()
            state = (source.weights, stat.st_mtime_ns, stat.st_size)
        except OSError:
            state = (source.weights, 0, 0)  # loading it says what is wrong
        with self._lock:
            net = self._kept.get(state)
            if net is None:
                net = self._kept[state] = load_net(source, classes)
            self._kept.move_to_end(state)
            while len(self._kept) > KEPT_RESULTS:
                self._kept.popitem(last=False)
            return net
