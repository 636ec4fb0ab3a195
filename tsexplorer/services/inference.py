"""What trained nets answer: the part of the service that looks and changes nothing.

torch is imported when something is asked, never before.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tsexplorer.data.bundled_sample import load_sample
from tsexplorer.data.registry import get_dataset, load_splits
from tsexplorer.errors import UserError
from tsexplorer.objectives import format_loss, get_objective, trained_teachers
from tsexplorer.settings import Settings
from tsexplorer.specs import Role
from tsexplorer.store import ExperimentSnapshot, StageSnapshot
from tsexplorer.training.checkpoints import weights_path

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tsexplorer.analysis.bias import Study
    from tsexplorer.analysis.embedding import Layouts
    from tsexplorer.analysis.inference import AnswerCache, Answers, Nets, Source, SplitName
    from tsexplorer.data.base import Splits
    from tsexplorer.export.archive import Archive

ARCHIVES_KEPT = 4
ROLE_WORDS: dict[Role, str] = {
    "teacher": "teacher",
    "baseline": "baseline student",
    "distilled": "distilled student",
}


@dataclass(frozen=True, eq=False)
class Images:
    """The images of one split, for looking at.

    Attributes:
        pixels_N: uint8 N×28×28.
        labels_N: int64 N.
        classes: label k stands for ``classes[k]``.
        words: which images these are, as one phrase.
    """

    pixels_N: NDArray[np.uint8]
    labels_N: NDArray[np.int64]
    classes: tuple[str, ...]
    words: str


@dataclass(frozen=True)
class ClassShares:
    """How often classes occur.

    Attributes:
        shares: of 1, by class.
        counted: whether they were counted in the training labels; else they are taken as alike.
    """

    shares: tuple[float, ...]
    counted: bool


class Reading:
    """Answers of trained nets, kept once a stage; safe to call from any thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._cache: AnswerCache | None = None
        self._layouts: Layouts | None = None
        self._nets: Nets | None = None
        self._archives: OrderedDict[tuple[str, Role, str], Archive] = OrderedDict()

    def images(self, dataset: str, split: SplitName) -> Images:
        """The images of a split; where the dataset is not here, those of its sample that ship.

        Raises:
            UserError: there are none.
        """
        splits = self._splits(dataset)
        part = splits.validation if split == "validation" else splits.test
        whole = get_dataset(dataset).info
        size = whole.validation if split == "validation" else whole.test
        many = f"{len(part):,}" if len(part) == size else f"first {len(part):,} of {size:,}"
        words = f"{split} split of {whole.title}, {many} images"
        return Images(part.images.numpy(), part.labels.numpy(), whole.classes, words)

    def answers(self, stage: StageSnapshot, split: SplitName) -> Answers:
        """A net's logits over a split, in the order of :meth:`images`.

        Raises:
            UserError: the weights are missing or damaged, or the images are not here.
        """
        return self._asked().answers(self._source(stage), self._splits(stage.spec.data.name), split)

    def taught(
        self, experiment: ExperimentSnapshot, seed: int, split: SplitName
    ) -> NDArray[np.float32]:
        """What a seed's students are taught over a split: the logits N×C of its teacher.

        Of several teachers it is their ensemble. Errors as for :meth:`answers`.
        """
        import numpy as np

        from tsexplorer.analysis.ensemble import ensemble_logits

        first = self.answers(experiment.stage(seed, "teacher"), split).logits_NC
        links = (one for one in experiment.stages if (one.seed, one.role) == (seed, "member"))
        others = [self.answers(one.stage, split).logits_NC for one in links]
        if not others:
            return first
        spec = experiment.spec
        weights = [one.weight for one in trained_teachers(spec)]
        together = ensemble_logits(np.stack([first, *others]), weights, spec.combine)
        return together.astype(np.float32)

    def features(self, stage: StageSnapshot, split: SplitName) -> NDArray[Any]:
        """A net's activations N×F before its last layer; errors as above."""
        splits = self._splits(stage.spec.data.name)
        return self._asked().features(self._source(stage), splits, split)

    def class_shares(self, dataset: str) -> ClassShares:
        """How often each class occurs in training; alike where those images are not here."""
        folder, info = self._settings.data_folder, get_dataset(dataset).info
        if not get_dataset(dataset).is_available(folder):
            return ClassShares((1 / len(info.classes),) * len(info.classes), counted=False)
        labels = load_splits(dataset, folder).train.labels
        counts = labels.bincount(minlength=len(info.classes)).tolist()
        return ClassShares(tuple(count / len(labels) for count in counts), counted=True)

    def bias_study(self, stage: StageSnapshot) -> Study:
        """What a student that never saw some classes answers once their biases are raised.

        Raises:
            UserError: it saw all classes, or as for :meth:`answers`.
        """
        from tsexplorer.analysis.bias import Answered, study

        if not stage.spec.left_out:
            raise UserError("This student saw images of all classes; choose one that did not.")
        seen, unseen = (self.answers(stage, split) for split in ("validation", "test"))
        shares = self.class_shares(stage.spec.data.name).shares
        return study(
            Answered(seen.logits_NC, seen.labels_N),
            Answered(unseen.logits_NC, unseen.labels_N),
            stage.spec.left_out,
            shares,
        )

    def ask(self, stage: StageSnapshot, pixels_N: NDArray[np.uint8]) -> NDArray[np.float32]:
        """A net's logits N×C over images N×28×28, uint8, light strokes on dark.

        Raises:
            UserError: the weights are missing or damaged, or the images that it was trained on,
                whose mean and deviation scale these, are not here.
        """
        from tsexplorer.analysis.inference import Nets

        with self._lock:
            self._nets = self._nets or Nets()
        splits = self._splits(stage.spec.data.name)
        return self._nets.logits(self._source(stage), splits, pixels_N)

    def least_confidence(self, stage: StageSnapshot) -> float:
        """The confidence at T = 1 that 99 of 100 of its answers over validation exceed.

        Raises:
            UserError: as for :meth:`answers`.
        """
        from tsexplorer.analysis.prediction import least_confidence

        return least_confidence(self.answers(stage, "validation").logits_NC)

    def archive(
        self, experiment: ExperimentSnapshot, role: Role = "distilled", seed: int | None = None
    ) -> Archive:
        """A trained net to be taken away; writing it takes seconds, the same again none.

        Args:
            experiment: whose net.
            role: which.
            seed: of which seed; None: of that which is best on validation.

        Raises:
            UserError: it is not trained, its weights are missing or damaged, its images are not
                here, or it cannot be written as ONNX.
        """
        from tsexplorer.export.archive import ModelCardInfo, archive
        from tsexplorer.export.writer import Pixels, onnx_of

        seed, stage = _chosen(experiment, role, seed)
        key = experiment.name, role, stage.hash
        with self._lock:
            kept = self._archives.get(key)
        if kept is not None:
            return kept
        splits, source = self._splits(stage.spec.data.name), self._source(stage)
        info = get_dataset(stage.spec.data.name).info
        pixels = Pixels(splits.mean, splits.deviation)
        own = stage.spec.objective
        told = ModelCardInfo(
            title=f"{ROLE_WORDS[role]} of “{experiment.name}”",
            experiment=experiment.name,
            role=role,
            seed=seed,
            loss=format_loss(experiment.spec)
            if role == "distilled"
            else get_objective(own.name).format_convention(own),
            machine=stage.machine,
            validation_accuracy=stage.validation_accuracy,
            test_accuracy=stage.test_accuracy,
            mean=pixels.mean,
            deviation=pixels.deviation,
        )
        net = onnx_of(stage.spec, source.weights, len(info.classes), pixels)
        found = archive(stage.hash, stage.spec, info, told, net, source.weights.read_bytes())
        with self._lock:
            self._archives[key] = found
            while len(self._archives) > ARCHIVES_KEPT:
                self._archives.popitem(last=False)
        return found

    @property
    def layouts(self) -> Layouts:
        """Layouts of features in the background, kept for the whole process."""
        from tsexplorer.analysis.embedding import Layouts

        with self._lock:
            if self._layouts is None:
                self._layouts = Layouts()
            return self._layouts

    def cancel_all(self) -> None:
        """End what is computed in the background."""
        if self._layouts is not None:
            self._layouts.cancel_all()

    def _splits(self, dataset: str) -> Splits:
        folder = self._settings.data_folder
        if get_dataset(dataset).is_available(folder):
            return load_splits(dataset, folder)
        sample = load_sample(dataset)
        if sample is None:
            title = get_dataset(dataset).info.title
            raise UserError(f"The images of {title} are not here; download them on the Train page.")
        return sample

    def _source(self, stage: StageSnapshot) -> Source:
        from tsexplorer.analysis.inference import MISSING, Source

        folder = self._settings.stages_folder
        weights = weights_path(folder, stage.hash)
        if stage.status != "done" or weights is None:
            raise UserError(MISSING)
        return Source(stage.spec, weights, folder / stage.hash)

    def _asked(self) -> AnswerCache:
        from tsexplorer.analysis.inference import AnswerCache

        with self._lock:
            if self._cache is None:
                self._cache = AnswerCache()
            return self._cache


def _chosen(
    experiment: ExperimentSnapshot, role: Role, seed: int | None
) -> tuple[int, StageSnapshot]:
    """The net of a seed, or of the one that is best on validation, and that seed."""
    seeds = experiment.spec.seeds if seed is None else (seed,)
    nets = [(one, experiment.stage(one, role)) for one in seeds]
    trained = [(one, stage) for one, stage in nets if stage.status == "done"]
    if not trained:
        raise UserError(f'No {ROLE_WORDS[role]} of "{experiment.name}" is trained yet; train it.')
    return max(trained, key=lambda one: (one[1].validation_accuracy or 0.0, -one[0]))
