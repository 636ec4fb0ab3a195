"""What is there of many students, and what is added to it: weights, figures, curves."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

import torch

from tsexplorer.data.registry import Splits
from tsexplorer.jobs.epoch_log import StudentEpochLog
from tsexplorer.jobs.stage_files import WeightFiles
from tsexplorer.models import count
from tsexplorer.settings import Settings
from tsexplorer.specs import StageSpec
from tsexplorer.store import Store
from tsexplorer.students.chunks import Arrays, Chunk, ChunkResult, StudentResult, as_arrays
from tsexplorer.students.student_scores import score_trained_student
from tsexplorer.training import checkpoints
from tsexplorer.training.checkpoints import WEIGHTS
from tsexplorer.training.device import pick_device


class StudentResultWriter:
    """Students of a sweep or a tuning in the store and on the shelf, wherever they train."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        splits: Splits,
        given_up: Collection[str] = (),
    ) -> None:
        """Keep students of one dataset, ``splits``; those of ``given_up`` need no training."""
        self.store, self.files, self.splits = store, WeightFiles(settings.stages_folder), splits
        self._settings, self._given_up = settings, given_up

    def missing(self, students: Sequence[StageSpec]) -> list[StageSpec]:
        """Those that must be trained: not done, or without their weights, and not given up."""
        done = self.store.stages_done([student.hash for student in students])
        missing = []
        for student in students:
            if student.hash in self._given_up:
                continue
            if student.hash in done:
                if self.files.are_whole(student):
                    continue
                self.store.reset_stage(student.hash)
            missing.append(student)
        return missing

    def score(self, students: Iterable[StageSpec], check: Callable[[], object]) -> None:
        """Note what a map shows beside accuracy, of students that an experiment trained.

        Args:
            students: trained ones, of which it is not known.
            check: called again and again; may raise to stop.
        """

        def trained(key: str) -> tuple[StageSpec, dict[str, torch.Tensor]]:
            return self.store.stage(key).spec, self.files.weights(key)

        device = pick_device(self._settings.device)
        for one in students:
            check()
            found = score_trained_student(one, self.splits, device, trained, check)
            self.store.stage_asked(one.hash, found.agreement, found.ece)

    def source_nets(self, chunk: Chunk) -> dict[str, tuple[StageSpec, Arrays]]:
        """What the students learn from or start from."""
        keys = {key for student in chunk.students for key in student.teachers}
        keys |= {student.start_from for student in chunk.students if student.start_from}
        return {
            key: (self.store.stage(key).spec, as_arrays(self.files.weights(key))) for key in keys
        }

    def begin(self, chunk: Chunk, wanted: Sequence[str], machine: str) -> StudentEpochLog:
        """Note that students of a chunk are being trained; takes their epochs from then on.

        Args:
            chunk: whose nets are all of one size.
            wanted: hashes of those that are missing.
            machine: what trains them, in words.
        """
        known = {key: self.store.stage(key).epochs_done for key in wanted}
        size = count(chunk.students[0].model, len(self.splits.info.classes))
        self.store.students_started(
            wanted, parameters=size.parameters, macs=size.macs, machine=machine
        )
        return StudentEpochLog(self.store, known)

    def keep(self, result: ChunkResult, wanted: Collection[str]) -> None:
        """Keep those of a chunk that were missing. Weights first: a net that is done has them."""
        seconds = result.seconds / max(len(result.students), 1)
        for one in result.students:
            if one.spec.hash in wanted:
                self._keep_weights(one)
                seen = one.validation
                self.store.stage_ended(
                    one.spec.hash,
                    "done",
                    validation_accuracy=seen.accuracy,
                    validation_loss=seen.loss,
                    test_accuracy=one.test_accuracy,
                    agreement=seen.agreement,
                    ece=seen.ece,
                    train_seconds=seconds,
                    kept_epoch=one.kept_epoch,
                )
                self.files.discard_checkpoint(one.spec.hash)

    def _keep_weights(self, one: StudentResult) -> None:
        assert one.weights is not None
        tensors = {name: torch.from_numpy(value) for name, value in one.weights.items()}
        header = {"spec": one.spec.model_dump(mode="json", by_alias=True)}
        checkpoints.write(self._settings.stages_folder / one.spec.hash / WEIGHTS, tensors, header)


def in_words(machine: str, chunk: Chunk) -> str:
    """A machine in words, with how many students share it."""
    if chunk.stacked and len(chunk.students) > 1:
        return f"{machine}, {len(chunk.students)} together"
    return machine
