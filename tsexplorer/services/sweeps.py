"""Sweeps from the first question to the chosen cell: the part of the service that knows of them.

In the store a sweep is an experiment with a grid: its nets are stages like all others, so that a
cell becomes an experiment of its own without training, and what was trained before is reused.
torch is imported when a sweep is measured or trained, never before.
"""

from __future__ import annotations

import math
import shutil
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tsexplorer.data.base import DatasetInfo
from tsexplorer.data.registry import get_dataset
from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.services.sweep_results import Known, SweepFigures, SweepSnapshot, figures_of
from tsexplorer.services.validation import needs_data, renamed
from tsexplorer.settings import Settings
from tsexplorer.specs import ExperimentSpec, StageSpec
from tsexplorer.store import ExperimentSnapshot, JobSnapshot, StageSnapshot, Store
from tsexplorer.students.chunks import plan_chunks
from tsexplorer.students.dask_cluster import checked_address
from tsexplorer.students.events import Scores
from tsexplorer.students.stacking_rule import (
    available_memory,
    decide_stacking,
    format_bytes,
    memory_needed,
)
from tsexplorer.studies.sweep.spec import Cell, SweepSpec, check_objective
from tsexplorer.training.paths import weights_path

if TYPE_CHECKING:
    from tsexplorer.students.cost import MeasuredSpeeds

NO_CLUSTERS = "off"
MOST_STUDENTS = 2_500
"""Each is a file, a row and a curve, and a page shows them all."""


@dataclass(frozen=True)
class SweepCheck:
    """What a sweep comes to, before anything is trained.

    Attributes:
        cells: settings of T, lambda and learning rate.
        students: trainings, baselines among them; settings that are the same one count once.
        trained: students that need no more training.
        teachers_left: nets that must be trained before the students.
        stacks: whether students train together.
        rule: a sentence that says whether they do, and why.
        memory: a sentence: how many at once, and what they take.
        remarks: what is allowed and worth knowing, one sentence each.
    """

    cells: int
    students: int
    trained: int
    teachers_left: int
    stacks: bool
    rule: str
    memory: str
    remarks: tuple[str, ...]


class Sweeping:
    """What can be asked of sweeps; safe to call from any thread."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        look_over: Callable[[ExperimentSpec], object],
        take_up: Callable[[ExperimentSpec], ExperimentSnapshot],
        wake_worker: Callable[[], None],
    ) -> None:
        """Sweeps of a store.

        Args:
            store: where they are kept.
            settings: of the process.
            look_over: raises a ``UserError`` for an experiment that cannot be.
            take_up: keeps an experiment, and queues it where something must be trained.
            wake_worker: tells the worker that there is something new in the queue.
        """
        self._store, self._settings = store, settings
        self._look_over, self._take_up, self._nudge = look_over, take_up, wake_worker
        self._measuring = threading.Lock()
        self._paces: MeasuredSpeeds | None = None

    # -- before ---------------------------------------------------------------------------------

    def check(self, spec: SweepSpec) -> SweepCheck:
        """Look a sweep over.

        Raises:
            UserError: T or lambda takes no part in the objective, a name is unknown, a net
                impossible, a batch larger than the data, or there are too many students or too
                large ones.
        """
        objective = check_objective(spec.base.objective)
        count = len(spec.cells) * len(spec.seeds)
        if count > MOST_STUDENTS:
            raise UserError(
                f"This grid has {count:,} students; take fewer values or seeds, so that there "
                f"are at most {MOST_STUDENTS:,}."
            )
        self._look_over(spec.experiment(spec.cells[0]))
        info = get_dataset(spec.base.data.name).info
        students = spec.students
        chunks = plan_chunks(students, info, available_memory())
        judged = decide_stacking(
            students[0].model, students[0].train, len(info.classes), objective.name
        )
        most = max(len(chunk.students) for chunk in chunks) if judged.stacks else 1
        done = self._trained_among([stage.spec.hash for stage in spec.planned])
        remarks = []
        if not objective.needs_teacher:
            remarks.append("Students of this objective do not learn from the teacher.")
        return SweepCheck(
            cells=len(spec.cells),
            students=len(students),
            trained=sum(student.hash in done for student in students),
            teachers_left=sum(stage.hash not in done for stage in spec.before),
            stacks=judged.stacks,
            rule=judged.sentence,
            memory=memory_sentence(students[0], info, most),
            remarks=tuple(remarks),
        )

    def cost(self, spec: SweepSpec) -> float:
        """Seconds for all that is not trained yet, from a short measurement on this machine.

        Each kind of net is measured once a process. Early stopping and other work on the machine
        are not foreseen.

        Raises:
            UserError: :meth:`check` says no, or the data is not there.
        """
        self.check(spec)
        needs_data(spec.base, self._settings)
        from tsexplorer.students.cost import MeasuredSpeeds, estimate_seconds

        done = self._trained_among([stage.spec.hash for stage in spec.planned])
        with self._measuring:  # two measurements at once would both be wrong
            if self._paces is None:
                self._paces = MeasuredSpeeds()
            # On a thread of its own, since it takes the cores as the trainer's does.
            with ThreadPoolExecutor(1) as own:
                return own.submit(
                    estimate_seconds, spec.before, spec.students, done, self._settings, self._paces
                ).result()

    def free_name(self, spec: SweepSpec, wish: str) -> str:
        """A name for a sweep: as wished, with a number where something else has that name.

        A sweep with this very grid keeps its name, so that it is found again.
        """
        for number in range(1, 1000):
            name = wish if number == 1 else f"{wish[:74]} ({number})"
            if not self._store.has_experiment(name):
                return name
            if self._store.experiment(name).sweep == named(spec, name):
                return name
        raise UserError(f"There are too many sweeps named {wish!r}; choose another name.")

    @property
    def clusters(self) -> bool:
        """Whether a sweep may name a cluster."""
        return self._settings.cluster != NO_CLUSTERS

    def place(self, wish: str | None) -> str | None:
        """Where students are to train: a cluster's address, or None for this machine.

        Args:
            wish: an address; empty for this machine, None for what TSEXPLORER_CLUSTER says.

        Raises:
            UserError: it is no address, packages are missing, or clusters are switched off.
        """
        if not self.clusters:
            if wish:
                raise UserError("Clusters are switched off here: TSEXPLORER_CLUSTER says so.")
            return None
        address = self._settings.cluster if wish is None else wish.strip()
        return checked_address(address) if address else None

    # -- training -------------------------------------------------------------------------------

    def start(self, spec: SweepSpec, name: str, cluster: str | None = None) -> SweepSnapshot:
        """Queue a sweep; one that is queued or running already is not queued twice.

        Args:
            spec: the grid.
            name: to be kept under.
            cluster: where its students train, as :meth:`place` takes it; its job stays there.

        Raises:
            UserError: :meth:`check` or :meth:`place` says no, the data is not there, or the name
                is taken.
        """
        job = self.enqueue(spec, name, cluster)
        self._nudge()
        return self.one(job.experiment_id)

    def enqueue(self, spec: SweepSpec, name: str, cluster: str | None = None) -> JobSnapshot:
        """As :meth:`start`, for a caller that runs the job itself."""
        spec, place = named(spec, name), self.place(cluster)
        self.check(spec)
        needs_data(spec.base, self._settings)
        return self._store.enqueue(self._store.add_sweep(spec).id, place)

    def adopt(self, key: str, cell: Cell) -> ExperimentSnapshot:
        """A cell as an experiment of its own, by the nets that are trained.

        Where the sweep shares a teacher, it is of the first seed: in an experiment, each seed has
        a teacher of its own. What is not trained yet (most often the baseline, which the sweep
        may train otherwise) is queued.

        Raises:
            NotFoundError: there is no such sweep or cell.
            UserError: the data is not there, and something must be trained.
        """
        sweep = self.one(key).spec
        if cell not in sweep.cells:
            raise NotFoundError("This sweep has no such cell; take one of its grid.")
        seeds = sweep.seeds[:1] if sweep.teachers == "shared" else sweep.seeds
        return self._take_up(sweep.experiment(cell, seeds))

    # -- asking ---------------------------------------------------------------------------------

    def all(self) -> tuple[SweepSnapshot, ...]:
        """All sweeps, newest first."""
        return tuple(self._snapshot(row) for row in self._store.sweeps())

    def one(self, key: str) -> SweepSnapshot:
        """One sweep by id or name.

        Raises:
            NotFoundError: there is none.
        """
        return self._snapshot(self._row(key))

    def figures(self, key: str) -> SweepFigures:
        """What is known of a sweep so far.

        Raises:
            NotFoundError: there is none.
        """
        row = self._row(key)
        snapshot = self._snapshot(row)
        sweep = snapshot.spec
        stages = {link.stage.hash: link.stage for link in row.stages}
        students = [stages[student.hash] for student in sweep.students]
        teachers = {}
        for seed in sweep.seeds:
            accuracy = stages[sweep.teacher(seed).hash].validation_accuracy
            if accuracy is not None:
                teachers[seed] = accuracy
        known = Known(
            scores=self._scores(students),
            epochs={stage.hash: stage.epochs_done for stage in students},
            done=frozenset(stage.hash for stage in students if stage.status == "done"),
            teachers=teachers,
            tests={stage.hash: stage.test_accuracy for stage in students},
        )
        return figures_of(snapshot, known)

    def delete(self, key: str) -> None:
        """Remove a sweep, and the weights that no experiment and no other sweep uses.

        Raises:
            NotFoundError: there is none.
            UserError: it is being trained.
        """
        row = self._row(key)
        from tsexplorer.jobs.stage_files import WeightFiles

        shelf = WeightFiles(self._settings.stages_folder)
        for orphan in self._store.delete_experiment(row.id):
            shelf.discard(orphan)
        shutil.rmtree(self._settings.sweeps_folder / row.id, ignore_errors=True)

    def _row(self, key: str) -> ExperimentSnapshot:
        row = self._store.experiment(key) if self._store.has_experiment(key) else None
        if row is None or row.sweep is None:
            raise NotFoundError(
                f'There is no sweep "{key}"; give the id or the name of one that exists.'
            )
        return row

    def _snapshot(self, row: ExperimentSnapshot) -> SweepSnapshot:
        assert row.sweep is not None
        job = self._store.latest_job(row.id)
        status = job.status if job is not None else "queued"
        if row.done and status not in ("queued", "running", "paused"):
            status = "done"
        return SweepSnapshot(
            id=row.id,
            name=row.name,
            spec=row.sweep,
            status=status,
            job=None if job is None else job.id,
            created_at=row.created_at,
            nets=len(row.stages),
            nets_done=sum(link.stage.status == "done" for link in row.stages),
        )

    def _scores(self, students: list[StageSnapshot]) -> dict[str, Scores]:
        """Of the kept weights where they are known, else of the last epoch."""
        under_way = [one.hash for one in students if one.status != "done" and one.epochs_done]
        last = self._store.last_epochs(under_way)
        scores = {}
        for one in students:
            accuracy, loss = one.validation_accuracy, one.validation_loss
            if one.status != "done":
                row = last.get(one.hash)
                accuracy, loss = (
                    (None, None) if row is None else (row.validation_accuracy, row.validation_loss)
                )
            if accuracy is not None:
                known = loss if loss is not None else math.nan
                scores[one.hash] = Scores(accuracy, known, one.agreement, one.ece)
        return scores

    def _trained_among(self, keys: list[str]) -> frozenset[str]:
        return trained_among(keys, self._store, self._settings)


def named(spec: SweepSpec, name: str) -> SweepSpec:
    """The same sweep under a name.

    Raises:
        UserError: it is empty or too long.
    """
    return spec.model_copy(update={"base": renamed(spec.base, name)})


def trained_among(keys: Sequence[str], store: Store, settings: Settings) -> frozenset[str]:
    """Those of the stages that are done, and whose weights are there."""
    folder = settings.stages_folder
    return frozenset(
        key for key in store.stages_done(keys) if weights_path(folder, key) is not None
    )


def memory_sentence(student: StageSpec, info: DatasetInfo, most: int) -> str:
    """What students take that train at once, of what there is."""
    size, there = (
        format_bytes(memory_needed(student, info, seeds=1).total(most)),
        format_bytes(available_memory()),
    )
    if most == 1:
        return f"One at a time takes about {size} of the {there} that may be used."
    return f"{most} at a time take about {size} of the {there} that may be used."
