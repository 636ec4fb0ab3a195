"""Kinds of study: everything that can be trained as one job, by name.

A kind is a package or module of this folder that defines ``KIND``. It says what is special about
it: its spec, its stages, its steps in training and its results. Queueing, jobs, the store, pages
and the shell are the same for all kinds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from tsexplorer.data.base import DatasetInfo
from tsexplorer.data.registry import get_dataset
from tsexplorer.errors import NotFoundError
from tsexplorer.jobs.study_run import JobPlan, StudyRun
from tsexplorer.planning import PlannedStage
from tsexplorer.plugins import discover
from tsexplorer.specs import ExperimentSpec, Spec, StageSpec, parse_spec
from tsexplorer.store import JobStatus, LastEpoch, StageFigures, Store, StudyRecord
from tsexplorer.students.chunks import plan_chunks
from tsexplorer.students.stacking_rule import (
    available_memory,
    decide_stacking,
    format_bytes,
    memory_needed,
)
from tsexplorer.studies.student_stages import Cell

MAX_STUDENTS = 2_500
"""Students of one study: each is a file, a row and a curve, and pages show all of them."""

S = TypeVar("S", bound=Spec)
R = TypeVar("R")


@dataclass(frozen=True)
class Resources:
    """What a check may look at.

    Attributes:
        data_folder: where full data sets are.
        trained: returns which of some stage hashes are trained and have weights.
    """

    data_folder: Path
    trained: Callable[[Sequence[str]], frozenset[str]]


@dataclass(frozen=True, kw_only=True)
class StudyCheck(Generic[S]):
    """A spec that can be trained, and what it amounts to.

    Attributes:
        spec: the spec that was checked.
        remarks: sentences on settings that are allowed and worth a second look.
        stages: the stages that are planned now.
        trained: hashes of the stages that are trained already.
        open_ended: whether further stages follow from the results of these.
    """

    spec: S
    remarks: tuple[str, ...]
    stages: tuple[PlannedStage, ...]
    trained: frozenset[str]
    open_ended: bool = False

    @property
    def complete(self) -> bool:
        """Whether nothing is left to train."""
        planned = {stage.spec.hash for stage in self.stages}
        return not self.open_ended and planned <= self.trained


@dataclass(frozen=True, kw_only=True)
class StudentsCheck(StudyCheck[S]):
    """What a study of many students amounts to.

    Attributes:
        students: trainings at most, with baselines; settings that are the same training count once.
        students_trained: of them, those that are trained already.
        prerequisites_left: nets that must be trained before the students.
        at_once: students that train at once at most.
        stacks: whether students train together.
        stacking: a sentence that says whether they do, and why.
        memory: a sentence: how many train at once, and the memory that they take.
    """

    students: int
    students_trained: int
    prerequisites_left: int
    at_once: int
    stacks: bool
    stacking: str
    memory: str


@dataclass(frozen=True)
class StudySnapshot(Generic[S]):
    """A study and its state.

    Attributes:
        id: 8 hex digits, for URLs and the shell.
        name: unique among studies of all kinds.
        kind: name of its kind.
        spec: its settings.
        status: done if all its stages are trained; otherwise that of its latest job.
        job: number of its latest job, None if it was never queued.
        created_at: UTC.
        nets: stages that are planned now.
        nets_done: of them, those that are trained.
    """

    id: str
    name: str
    kind: str
    spec: S
    status: JobStatus
    job: int | None
    created_at: datetime
    nets: int
    nets_done: int


@dataclass(frozen=True)
class StudySource:
    """Where the results of a study are computed from.

    Attributes:
        store: where curves and searches are kept.
        stages: figures of its stages by hash.
    """

    store: Store
    stages: Mapping[str, StageFigures]

    def last_epochs(self, keys: Collection[str]) -> dict[str, LastEpoch]:
        """The last epoch of stages that are not done, by hash."""
        running = [
            key
            for key in keys
            if (stage := self.stages.get(key)) is not None
            and stage.status != "done"
            and stage.epochs_done
        ]
        return self.store.last_epochs(running) if running else {}


class StudyKind(ABC, Generic[S, R]):
    """A kind of study with specs S and results R. Stateless; methods may run on any thread.

    Attributes:
        name: in the store, the shell's JSON output and error sentences.
        title: for pages, capitalised.
        spec_type: class of its specs.
        result_hint: where to look for its results, to complete "open it on …".
        open_ended: whether further stages follow from the results of those planned so far, so
            that a study is done when its job is, and not when all its stages are trained.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    spec_type: ClassVar[type[Spec]]
    result_hint: ClassVar[str]
    open_ended: ClassVar[bool] = False

    @abstractmethod
    def base(self, spec: S) -> ExperimentSpec:
        """The experiment that the study varies, or is."""

    @abstractmethod
    def renamed(self, spec: S, name: str) -> S:
        """The same study under another name.

        Raises:
            UserError: the name is empty or too long.
        """

    @abstractmethod
    def check(self, spec: S, resources: Resources) -> StudyCheck[S]:
        """Check whether a spec can be trained.

        Raises:
            UserError: it cannot, in one sentence.
        """

    @abstractmethod
    def plan_job(self, spec: S, stages: int) -> JobPlan:
        """What a job trains of a study that has this many stages now."""

    @abstractmethod
    def train(self, spec: S, run: StudyRun) -> None:
        """Train what is left once the first stages of :meth:`plan_job` are done.

        Raises:
            Cancelled: the job was cancelled.
            UserError: why it cannot go on, in one sentence.
        """

    @abstractmethod
    def results(self, study: StudySnapshot[S], source: StudySource) -> R:
        """The results so far."""

    @abstractmethod
    def experiment(self, results: R, cell: Cell | None) -> ExperimentSpec:
        """A result as an experiment of its own.

        Args:
            results: of the study.
            cell: the setting to take, for kinds that offer a choice.

        Raises:
            NotFoundError: there is no such result yet.
        """

    def delete_extras(self, study_id: str, store: Store) -> None:
        """Delete what the kind keeps besides stages and files; nothing unless it is overridden."""

    def parse(self, document: Mapping[str, Any]) -> S:
        """The spec that the store's JSON document holds."""
        return parse_spec(self.spec_type, dict(document))  # type: ignore[return-value]


def check_students(
    spec: S,
    base: ExperimentSpec,
    stages: tuple[PlannedStage, ...],
    prerequisites: Collection[str],
    students: Collection[str],
    count: int,
    sample: Sequence[StageSpec],
    resources: Resources,
    *,
    open_ended: bool = False,
) -> StudentsCheck[S]:
    """What a study of many students amounts to.

    Args:
        spec: of the study.
        base: its base experiment.
        stages: planned now.
        prerequisites: hashes of the stages that must be trained before the students.
        students: hashes of the students that are known now.
        count: students at most.
        sample: students that would train at the same time, for the memory estimate.
        resources: of the process.
        open_ended: whether further students follow from results.

    Raises:
        UserError: a student does not fit into memory.
    """
    from tsexplorer.objectives import get_objective

    objective = get_objective(base.objective.name)
    info = get_dataset(base.data.name).info
    chunks = plan_chunks(sample, info, available_memory())
    stacking = decide_stacking(sample[0].model, sample[0].train, info.task, objective.name)
    at_once = max(len(chunk.students) for chunk in chunks) if stacking.stacks else 1
    trained = resources.trained([stage.spec.hash for stage in stages])
    remarks: tuple[str, ...] = ()
    if not objective.needs_teacher:
        remarks = ("Students of this objective do not learn from the teacher.",)
    return StudentsCheck(
        spec=spec,
        remarks=remarks,
        stages=stages,
        trained=trained,
        students=count,
        students_trained=len(trained.intersection(students)),
        prerequisites_left=len(set(prerequisites) - trained),
        at_once=at_once,
        stacks=stacking.stacks,
        stacking=stacking.sentence,
        memory=_memory_sentence(sample[0], info, at_once),
        open_ended=open_ended,
    )


def _memory_sentence(student: StageSpec, info: DatasetInfo, at_once: int) -> str:
    needed = format_bytes(memory_needed(student, info, seeds=1).total(at_once))
    limit = format_bytes(available_memory())
    if at_once == 1:
        return f"One at a time takes about {needed} of the {limit} that may be used."
    return f"{at_once} at a time take about {needed} of the {limit} that may be used."


@cache
def study_kinds() -> dict[str, StudyKind[Any, Any]]:
    """All kinds of study by name."""
    return discover("tsexplorer.studies", "KIND", StudyKind)  # type: ignore[type-abstract]


def get_kind(name: str) -> StudyKind[Any, Any]:
    """The kind of study called ``name``.

    Raises:
        NotFoundError: this version has no such kind.
    """
    try:
        return study_kinds()[name]
    except KeyError:
        raise NotFoundError(
            f"This version does not know studies of the kind {name!r}; update the program, or "
            "delete the study."
        ) from None


def kind_of(spec: Spec) -> StudyKind[Any, Any]:
    """The kind that a spec belongs to.

    Raises:
        NotFoundError: it belongs to none.
    """
    for kind in study_kinds().values():
        if isinstance(spec, kind.spec_type):
            return kind
    raise NotFoundError(f"A {type(spec).__name__} is not the spec of a study.")


@dataclass(frozen=True)
class KindSteps:
    """A kind of study as the job runner needs it: specs are parsed from the store's documents."""

    kind: StudyKind[Any, Any]

    def plan_job(self, study: StudyRecord, stages: int) -> JobPlan:
        """See :meth:`StudyKind.plan_job`."""
        return self.kind.plan_job(self.kind.parse(study.document), stages)

    def train(self, run: StudyRun) -> None:
        """See :meth:`StudyKind.train`."""
        self.kind.train(self.kind.parse(run.study.document), run)


def steps_of(kind: str) -> KindSteps:
    """How studies of a kind are trained.

    Raises:
        NotFoundError: this version has no such kind.
    """
    return KindSteps(get_kind(kind))
