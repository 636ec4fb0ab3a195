"""Answers of trained nets, and the nets as files; part of the service, changes no data.

torch is imported by the methods that need it, never with this module.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tsexplorer.data.base import IMBALANCE
from tsexplorer.data.bundled_sample import load_sample
from tsexplorer.data.registry import get_dataset, load_splits
from tsexplorer.errors import UserError
from tsexplorer.objectives import format_loss, get_objective, trained_teachers
from tsexplorer.settings import Settings
from tsexplorer.specs import ROLES, Role
from tsexplorer.store import ExperimentSnapshot, StageSnapshot
from tsexplorer.training.checkpoints import weights_path

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tsexplorer.analysis.bias import BiasStudy
    from tsexplorer.analysis.embedding import LayoutRunner
    from tsexplorer.analysis.inference import AnswerCache, Answers, NetCache, SplitName, TrainedNet
    from tsexplorer.data.base import Splits
    from tsexplorer.export.archive import Archive

ARCHIVES_KEPT = 4
ROLE_NAMES: dict[Role, str] = {
    "teacher": "teacher",
    "baseline": "baseline student",
    "distilled": "distilled student",
}


@dataclass(frozen=True, eq=False)
class Images:
    """The images of one split, to be shown.

    Attributes:
        pixels_N: uint8 N×28×28.
        labels_N: int64 N.
        classes: class names; label k stands for ``classes[k]``.
        description: the split, the dataset and the number of images, in one phrase.
    """

    pixels_N: NDArray[np.uint8]
    labels_N: NDArray[np.int64]
    classes: tuple[str, ...]
    description: str


@dataclass(frozen=True)
class ClassShares:
    """How often classes occur.

    Attributes:
        shares: by class; their sum is 1.
        counted: whether they were counted in the training labels; if not, all are equal.
    """

    shares: tuple[float, ...]
    counted: bool


class Inference:
    """Answers of trained nets, cached by stage; safe to call from any thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._cache: AnswerCache | None = None
        self._layouts: LayoutRunner | None = None
        self._nets: NetCache | None = None
        self._archives: OrderedDict[tuple[str, Role, str], Archive] = OrderedDict()

    def images(self, dataset: str, split: SplitName) -> Images:
        """Return the images of a split; without the dataset, those of its bundled sample.

        Raises:
            UserError: the dataset is not downloaded and has no bundled sample.
        """
        splits = self._splits(dataset)
        part = splits.validation if split == "validation" else splits.test
        info = get_dataset(dataset).info
        size = info.validation if split == "validation" else info.test
        number = f"{len(part):,}" if len(part) == size else f"first {len(part):,} of {size:,}"
        description = f"{split} split of {info.title}, {number} images"
        return Images(part.images.numpy(), part.labels.numpy(), info.classes, description)

    def answers(self, stage: StageSnapshot, split: SplitName) -> Answers:
        """Return a net's logits over a split, in the order of :meth:`images`.

        Raises:
            UserError: the weights are missing or damaged, or there are no images.
        """
        return self._answer_cache().answers(
            self._source(stage), self._splits(stage.spec.data.name), split
        )

    def teacher_logits(
        self, experiment: ExperimentSnapshot, seed: int, split: SplitName
    ) -> NDArray[np.float32]:
        """Return the logits N×C over a split from which the students of a seed learn.

        These are the logits of the teacher, or of the ensemble if there are several teachers.

        Raises:
            UserError: as for :meth:`answers`.
        """
        import numpy as np

        from tsexplorer.analysis.prediction import ensemble_logits

        first = self.answers(experiment.stage(seed, "teacher"), split).logits_NC
        others = [
            self.answers(link.stage, split).logits_NC
            for link in experiment.stages
            if (link.seed, link.role) == (seed, "member")
        ]
        if not others:
            return first
        spec = experiment.spec
        weights = [teacher.weight for teacher in trained_teachers(spec)]
        logits_NC = ensemble_logits(np.stack([first, *others]), weights, spec.combine)
        return logits_NC.astype(np.float32)

    def features(self, stage: StageSnapshot, split: SplitName) -> NDArray[Any]:
        """Return a net's activations N×F before its last layer.

        Raises:
            UserError: as for :meth:`answers`.
        """
        splits = self._splits(stage.spec.data.name)
        return self._answer_cache().features(self._source(stage), splits, split)

    def class_shares(self, dataset: str) -> ClassShares:
        """Return how often each class occurs in training; equal shares if the data is missing."""
        folder, info = self._settings.data_folder, get_dataset(dataset).info
        if not get_dataset(dataset).is_available(folder):
            return ClassShares((1 / len(info.classes),) * len(info.classes), counted=False)
        labels = load_splits(dataset, folder).train.labels
        counts = labels.bincount(minlength=len(info.classes)).tolist()
        return ClassShares(tuple(count / len(labels) for count in counts), counted=True)

    def balanced_accuracies(
        self, experiment: ExperimentSnapshot, split: SplitName
    ) -> dict[Role, float] | None:
        """Return the class-balanced accuracy of each role, mean over seeds, on a split.

        It is the mean of the recall of the classes, each counting as much as the others.

        Returns:
            None where the largest class has at most 1.5 times the training images of the smallest.

        Raises:
            UserError: as for :meth:`answers`.
        """
        from tsexplorer.analysis.quality import balanced_accuracy

        shares = self.class_shares(experiment.spec.data.name)
        if not shares.counted or max(shares.shares) <= IMBALANCE * min(shares.shares):
            return None
        seeds = experiment.spec.seeds
        accuracies: dict[Role, float] = {}
        for role in ROLES:
            answers = [self.answers(experiment.stage(seed, role), split) for seed in seeds]
            values = [balanced_accuracy(found.logits_NC, found.labels_N) for found in answers]
            accuracies[role] = sum(values) / len(values)
        return accuracies

    def bias_study(self, stage: StageSnapshot) -> BiasStudy:
        """Return how a student answers when the biases of classes it was not trained on are raised.

        Raises:
            UserError: no class was excluded from its training, or as for :meth:`answers`.
        """
        from tsexplorer.analysis.bias import LabelledLogits, study_bias

        if not stage.spec.left_out:
            raise UserError(
                "This student was trained on all classes; choose one with excluded classes."
            )
        validation, test = self.answers(stage, "validation"), self.answers(stage, "test")
        shares = self.class_shares(stage.spec.data.name).shares
        return study_bias(
            LabelledLogits(validation.logits_NC, validation.labels_N),
            LabelledLogits(test.logits_NC, test.labels_N),
            stage.spec.left_out,
            shares,
        )

    def logits(self, stage: StageSnapshot, pixels_N: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return a net's logits N×C over images, uint8 N×H×W or N×H×W×3.

        The images are scaled by the mean and the deviation of the training images.

        Raises:
            UserError: the weights are missing or damaged, or there are no training images.
        """
        from tsexplorer.analysis.inference import NetCache

        with self._lock:
            self._nets = self._nets or NetCache()
        splits = self._splits(stage.spec.data.name)
        return self._nets.logits(self._source(stage), splits, pixels_N)

    def low_confidence_threshold(self, stage: StageSnapshot) -> float:
        """Return the confidence at T = 1 that 99 % of its answers on validation exceed.

        Raises:
            UserError: as for :meth:`answers`.
        """
        from tsexplorer.analysis.prediction import low_confidence_threshold

        return low_confidence_threshold(self.answers(stage, "validation").logits_NC)

    def archive(
        self, experiment: ExperimentSnapshot, role: Role = "distilled", seed: int | None = None
    ) -> Archive:
        """Return a trained net as an archive; the first time takes seconds.

        Args:
            experiment: has the net.
            role: of the net.
            seed: of the net; if None, the seed with the best validation accuracy.

        Raises:
            UserError: it is not trained, its weights are missing or damaged, there are no images,
                or it cannot be written as ONNX.
        """
        from tsexplorer.export.archive import ModelCardInfo, build_archive, export_onnx

        seed, stage = _select_net(experiment, role, seed)
        key = experiment.name, role, stage.hash
        with self._lock:
            cached = self._archives.get(key)
        if cached is not None:
            return cached
        splits, source = self._splits(stage.spec.data.name), self._source(stage)
        info = get_dataset(stage.spec.data.name).info
        objective = stage.spec.objective
        card_info = ModelCardInfo(
            title=f"{ROLE_NAMES[role]} of “{experiment.name}”",
            experiment=experiment.name,
            role=role,
            seed=seed,
            loss=format_loss(experiment.spec)
            if role == "distilled"
            else get_objective(objective.name).format_convention(objective),
            machine=stage.machine,
            validation_accuracy=stage.validation_accuracy,
            test_accuracy=stage.test_accuracy,
            statistics=splits.statistics,
        )
        net = export_onnx(stage.spec, source.weights, info.task, splits.statistics)
        result = build_archive(
            stage.hash, stage.spec, info, card_info, net, source.weights.read_bytes()
        )
        with self._lock:
            self._archives[key] = result
            while len(self._archives) > ARCHIVES_KEPT:
                self._archives.popitem(last=False)
        return result

    @property
    def layouts(self) -> LayoutRunner:
        """Layouts of features, computed in the background and cached for the process."""
        from tsexplorer.analysis.embedding import LayoutRunner

        with self._lock:
            if self._layouts is None:
                self._layouts = LayoutRunner()
            return self._layouts

    def cancel_all(self) -> None:
        """Cancel the computations in the background."""
        if self._layouts is not None:
            self._layouts.cancel_all()

    def _splits(self, dataset: str) -> Splits:
        folder = self._settings.data_folder
        if get_dataset(dataset).is_available(folder):
            return load_splits(dataset, folder)
        sample = load_sample(dataset)
        if sample is None:
            title = get_dataset(dataset).info.title
            raise UserError(
                f"The images of {title} are not downloaded; download them on the Train page."
            )
        return sample

    def _source(self, stage: StageSnapshot) -> TrainedNet:
        from tsexplorer.analysis.inference import MISSING_WEIGHTS, TrainedNet

        folder = self._settings.stages_folder
        weights = weights_path(folder, stage.hash)
        if stage.status != "done" or weights is None:
            raise UserError(MISSING_WEIGHTS)
        return TrainedNet(stage.spec, weights, folder / stage.hash)

    def _answer_cache(self) -> AnswerCache:
        from tsexplorer.analysis.inference import AnswerCache

        with self._lock:
            if self._cache is None:
                self._cache = AnswerCache()
            return self._cache


def _select_net(
    experiment: ExperimentSnapshot, role: Role, seed: int | None
) -> tuple[int, StageSnapshot]:
    """Return the net of a seed, or of the seed that is best on validation, with its seed."""
    seeds = experiment.spec.seeds if seed is None else (seed,)
    nets = [(seed, experiment.stage(seed, role)) for seed in seeds]
    trained = [(seed, stage) for seed, stage in nets if stage.status == "done"]
    if not trained:
        raise UserError(f'No {ROLE_NAMES[role]} of "{experiment.name}" is trained yet; train it.')
    return max(trained, key=lambda net: (net[1].validation_accuracy or 0.0, -net[0]))
