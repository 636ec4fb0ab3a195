"""One student of a stack: its metrics and its weights, from the first epoch to the kept epoch."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Self

from torch import Tensor

from tsexplorer.specs import StageSpec
from tsexplorer.students.events import Scores, StudentEpoch
from tsexplorer.students.stacked_step import Weights
from tsexplorer.training.checkpoints import Metadata
from tsexplorer.training.learner import Learner, TrainingRecord
from tsexplorer.training.task import Task


@dataclass
class StackedStudent:
    """A student that trains in a stack.

    Attributes:
        spec: its stage.
        task: batches and teacher; shared by the students with the same seed.
        learner: keeps its validation record and its best weights; takes no steps. The parameters
            of its net are views of the stack.
        history: its metrics, epoch by epoch.
        kept_weights: copied from the stack when the student has finished.
        kept_epoch: the epoch of the kept weights.
        pruned: whether it was stopped before its end; then it has no kept weights.
    """

    spec: StageSpec
    task: Task
    learner: Learner
    history: list[StudentEpoch] = field(default_factory=list)
    kept_weights: dict[str, Tensor] | None = None
    kept_epoch: int = 0
    pruned: bool = False

    @classmethod
    def create(cls, spec: StageSpec, task: Task) -> Self:
        """A student with the first weights of its task."""
        return cls(spec, task, Learner(copy.deepcopy(task.net), spec.train, task.total_steps))

    @property
    def is_over(self) -> bool:
        """Whether it has finished or was pruned."""
        return self.pruned or self.kept_weights is not None

    def use_weights(self, weights: Weights) -> None:
        """Make the parameters of the evaluated net views of ``weights``."""
        for name, parameter in self.learner.evaluated_net.named_parameters():
            parameter.data = weights[name]

    def finish(self) -> None:
        """Copy the weights to keep out of the stack."""
        self.kept_epoch = self.learner.load_kept_weights()
        weights = self.learner.evaluated_net.state_dict()
        self.kept_weights = {name: value.clone() for name, value in weights.items()}

    def leave_stack(self) -> None:
        """Drop all views of the stack, which would keep its memory in use."""
        if self.kept_weights is not None:
            self.use_weights(self.kept_weights)
        else:
            self.learner.best = None
            for parameter in self.learner.evaluated_net.parameters():
                parameter.data = parameter.data.new_empty(0)

    def metadata(self) -> Metadata:
        """Values for the JSON part of a checkpoint; the weights are stored as tensors."""
        return {
            # dataclasses.asdict would copy every number of a growing history.
            "record": dict(vars(self.learner.record)),
            "history": [dict(vars(row)) for row in self.history],
            "over": self.is_over,
            "pruned": self.pruned,
            "kept_epoch": self.kept_epoch,
        }

    def load(self, best: Weights, kept: Weights, numbers: Metadata) -> None:
        """Restore a student from a checkpoint.

        Args:
            best: weights of the best epoch; empty if it has none.
            kept: kept weights; empty while the student trains.
            numbers: what :meth:`metadata` returned.

        Raises:
            KeyError, TypeError: it is not the state of a student.
        """
        self.learner.record = TrainingRecord(**numbers["record"])
        self.learner.best = dict(best) or None
        self.history = [_epoch_from_json(row) for row in numbers["history"]]
        self.pruned = numbers.get("pruned", False)
        if numbers["over"] and not self.pruned:
            self.kept_weights = dict(kept)
            self.kept_epoch = numbers["kept_epoch"]


def _epoch_from_json(row: Metadata) -> StudentEpoch:
    return StudentEpoch(**{**row, "validation": Scores(*row["validation"])})
