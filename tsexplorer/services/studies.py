"""Studies of all kinds: check, queue, watch, turn results into experiments, delete.

The kinds are in :mod:`tsexplorer.studies`; here is what they share. torch is imported when a cost
is measured, Optuna when a search is read, never before.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from cachetools import LRUCache

from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.jobs.progress import JobProgress
from tsexplorer.settings import Settings
from tsexplorer.specs import ExperimentSpec, Spec
from tsexplorer.store import ExperimentSnapshot, JobSnapshot, Store, StudyRecord
from tsexplorer.store.snapshots import StageCount
from tsexplorer.students.dask_cluster import checked_address
from tsexplorer.studies.experiment import ExperimentCheck, require_data
from tsexplorer.studies.kind import (
    Resources,
    StudyCheck,
    StudyKind,
    StudySnapshot,
    StudySource,
    get_kind,
    kind_of,
)
from tsexplorer.studies.student_stages import Cell
from tsexplorer.studies.sweep.spec import SweepSpec
from tsexplorer.training.checkpoints import weights_path

if TYPE_CHECKING:
    from tsexplorer.students.cost import MeasuredSpeeds

S = TypeVar("S", bound=Spec)
NO_CLUSTERS = "off"
SPECS_KEPT = 64
ACTIVE = ("queued", "running", "paused")


@dataclass(frozen=True)
class StudyState:
    """What a page or shell shows of a study, read once.

    Attributes:
        study: the study and its status.
        results: of its kind.
        job: its latest job, None if it was never queued.
        progress: of the job, in detail.
        jobs_before: jobs in the queue before this one.
    """

    study: StudySnapshot[Any]
    results: Any
    job: JobSnapshot | None
    progress: JobProgress
    jobs_before: int

    @property
    def active(self) -> bool:
        """Whether the study is queued, running or paused."""
        return self.study.status in ACTIVE


class Studies:
    """Studies of a store; safe to call from any thread."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        wake_worker: Callable[[], None],
        progress: Callable[[JobSnapshot], JobProgress],
    ) -> None:
        """Studies of a store.

        Args:
            store: where they are kept.
            settings: of the process.
            wake_worker: makes the worker look into the queue.
            progress: returns the progress of a job.
        """
        self._store, self._settings = store, settings
        self._wake_worker, self._progress = wake_worker, progress
        self._measuring = threading.Lock()
        self._speeds: MeasuredSpeeds | None = None
        self._specs: LRUCache[tuple[str, str], Spec] = LRUCache(SPECS_KEPT)
        self._specs_lock = threading.Lock()

    # -- before training ------------------------------------------------------------------------

    def check(self, spec: S) -> StudyCheck[S]:
        """Check whether a study can be trained.

        Raises:
            UserError: it cannot, in one sentence.
        """
        return kind_of(spec).check(spec, self._resources)

    def check_experiment(self, spec: ExperimentSpec) -> ExperimentCheck:
        """As :meth:`check`, with the sizes of both nets."""
        checked = self.check(spec)
        assert isinstance(checked, ExperimentCheck)
        return checked

    def cost(self, spec: SweepSpec) -> float:
        """Seconds to train the stages of a sweep that are not trained yet, measured here.

        Each kind of net is measured once per process. Early stopping and other work on the machine
        are not taken into account.

        Raises:
            UserError: :meth:`check` refuses the sweep, or its data is missing.
        """
        checked = self.check(spec)
        require_data(spec.base, self._settings.data_folder)
        from tsexplorer.students.cost import MeasuredSpeeds, estimate_seconds

        with self._measuring:  # two measurements at once would disturb each other
            if self._speeds is None:
                self._speeds = MeasuredSpeeds()
            # A thread of its own, because measuring takes over the thread's cores as training does.
            with ThreadPoolExecutor(1) as executor:
                return executor.submit(
                    estimate_seconds,
                    spec.prerequisites,
                    spec.students,
                    checked.trained,
                    self._settings,
                    self._speeds,
                ).result()

    def free_name(self, spec: Spec, wish: str) -> str:
        """A name for a study: the wish, with a number where another study has that name.

        A study with the same settings keeps its name, so that it is found again.
        """
        kind = kind_of(spec)
        for number in range(1, 1000):
            name = wish if number == 1 else f"{wish[:74]} ({number})"
            if not self._store.has_experiment(name):
                return name
            record = self._store.record(name)
            if record.kind == kind.name and self._spec(record) == kind.renamed(spec, record.name):
                return name
        raise UserError(f"There are too many studies named {wish!r}; choose another name.")

    @property
    def clusters_allowed(self) -> bool:
        """Whether a study may name a cluster."""
        return self._settings.cluster != NO_CLUSTERS

    def cluster_address(self, wish: str | None) -> str | None:
        """Where students train: a cluster's address, or None for this machine.

        Args:
            wish: an address; empty for this machine, None for TSEXPLORER_CLUSTER.

        Raises:
            UserError: it is no address, packages are missing, or clusters are switched off.
        """
        if not self.clusters_allowed:
            if wish:
                raise UserError("Clusters are switched off here: TSEXPLORER_CLUSTER says so.")
            return None
        address = self._settings.cluster if wish is None else wish.strip()
        return checked_address(address) if address else None

    # -- queueing -------------------------------------------------------------------------------

    def start(
        self, check: StudyCheck[S], name: str | None = None, cluster: str | None = None
    ) -> StudySnapshot[S]:
        """Queue a checked study, or keep it if nothing is left to train.

        A study that is in the queue already keeps its place.

        Args:
            check: from :meth:`check`.
            name: to keep the study under; the name in its spec if None.
            cluster: where its students train, as for :meth:`cluster_address`; this stays with the
                job.

        Raises:
            UserError: the data is missing, or the name is taken, empty or too long.
        """
        if check.complete:
            return self.get(self._add(check, name).id)
        job = self.enqueue(check, name, cluster)
        self._wake_worker()
        return self.get(job.experiment_id)

    def enqueue(
        self, check: StudyCheck[Any], name: str | None = None, cluster: str | None = None
    ) -> JobSnapshot:
        """Queue a checked study for a caller that runs the job itself; as :meth:`start`."""
        address = self.cluster_address(cluster)
        require_data(kind_of(check.spec).base(check.spec), self._settings.data_folder)
        return self._store.enqueue(self._add(check, name).id, address)

    def start_experiment(self, spec: ExperimentSpec) -> ExperimentSnapshot:
        """Check an experiment, give it a free name, and queue it or keep it if it is trained.

        Raises:
            UserError: it cannot be trained, or its data is missing.
        """
        checked = self.check(spec.model_copy(update={"name": self.free_name(spec, spec.name)}))
        return self._store.experiment(self.start(checked).id)

    def make_experiment(self, key: str, cell: Cell | None = None) -> ExperimentSnapshot:
        """A result of a study as an experiment of its own, reusing the nets that are trained.

        What is not trained yet, most often the baseline, is queued.

        Args:
            key: id or name of the study.
            cell: which setting, for kinds that offer a choice.

        Raises:
            NotFoundError: there is no such study or result.
            UserError: the data is missing, and something must be trained.
        """
        kind = get_kind(self.get(key).kind)
        return self.start_experiment(kind.experiment(self.results(key), cell))

    # -- reading --------------------------------------------------------------------------------

    def all(self, kind: str | None = None) -> tuple[StudySnapshot[Any], ...]:
        """All studies, or those of one kind, newest first."""
        counts = self._store.stage_counts()
        jobs = self._store.latest_jobs()
        return tuple(
            self._snapshot(record, counts.get(record.id, StageCount(0, 0)), jobs.get(record.id))
            for record in self._store.records(kind)
        )

    def get(self, key: str, kind: str | None = None) -> StudySnapshot[Any]:
        """One study by id or name.

        Args:
            key: id or name.
            kind: which it must be of.

        Raises:
            NotFoundError: there is none, or it is of another kind.
        """
        record = self._record(key, kind)
        stages = self._store.stage_figures(record.id)
        done = sum(stage.status == "done" for stage in stages)
        count = StageCount(len(stages), done)
        return self._snapshot(record, count, self._store.latest_job(record.id))

    def results(self, key: str) -> Any:
        """The results of a study so far; their type depends on the kind.

        Raises:
            NotFoundError: there is no such study.
        """
        return self.state(key).results

    def state(self, key: str, kind: str | None = None) -> StudyState:
        """A study with its results and its job, read once.

        Raises:
            NotFoundError: there is none, or it is of another kind.
        """
        record = self._record(key, kind)
        job = self._store.latest_job(record.id)
        stages = self._store.stage_figures(record.id)
        done = sum(stage.status == "done" for stage in stages)
        study = self._snapshot(record, StageCount(len(stages), done), job)
        source = StudySource(self._store, {stage.hash: stage for stage in stages})
        return StudyState(
            study=study,
            results=get_kind(record.kind).results(study, source),
            job=job,
            progress=JobProgress() if job is None else self._progress(job),
            jobs_before=(
                self._store.queue_position(job.id)
                if job is not None and job.status == "queued"
                else 0
            ),
        )

    def with_stages(self, key: str) -> ExperimentSnapshot:
        """One study of any kind by id or name, with its stages.

        Raises:
            NotFoundError: there is none.
        """
        return self._store.experiment(key)

    def delete(self, key: str) -> None:
        """Remove a study, and the weights that no other study uses.

        Raises:
            NotFoundError: there is none.
            UserError: it is being trained.
        """
        from tsexplorer.jobs.stage_files import WeightFiles

        record = self._store.record(key)
        files = WeightFiles(self._settings.stages_folder)
        for orphan in self._store.delete_experiment(record.id):
            files.discard(orphan)
        shutil.rmtree(self._settings.sweeps_folder / record.id, ignore_errors=True)
        get_kind(record.kind).delete_extras(record.id, self._store)

    def trained_stages(self, keys: Sequence[str]) -> frozenset[str]:
        """Which of some stages are trained and have weights."""
        folder = self._settings.stages_folder
        return frozenset(
            key for key in self._store.stages_done(keys) if weights_path(folder, key) is not None
        )

    # -------------------------------------------------------------------------------------------

    @property
    def _resources(self) -> Resources:
        return Resources(self._settings.data_folder, self.trained_stages)

    def _add(self, check: StudyCheck[Any], name: str | None) -> StudyRecord:
        kind = kind_of(check.spec)
        spec = check.spec if name is None else kind.renamed(check.spec, name)
        return self._store.add_study(kind.name, spec, check.stages)

    def _record(self, key: str, kind: str | None) -> StudyRecord:
        record = self._store.record(key) if self._store.has_experiment(key) else None
        if record is None or kind not in (None, record.kind):
            raise NotFoundError(
                f'There is no {kind or "study"} "{key}"; give the id or the name of one that '
                "exists."
            )
        return record

    def _spec(self, record: StudyRecord) -> Any:
        """A study's spec, parsed once: the stages that follow from it are kept with the object."""
        with self._specs_lock:
            spec = self._specs.get((record.id, record.name))
        if spec is None:
            spec = get_kind(record.kind).parse(record.document)
            with self._specs_lock:
                self._specs[record.id, record.name] = spec
        return spec

    def _snapshot(
        self, record: StudyRecord, count: StageCount, job: JobSnapshot | None
    ) -> StudySnapshot[Any]:
        kind: StudyKind[Any, Any] = get_kind(record.kind)
        spec = self._spec(record)
        status = "queued" if job is None else job.status
        complete = count.stages > 0 and count.done == count.stages
        if complete and not kind.open_ended and (job is None or status not in ACTIVE):
            status = "done"
        return StudySnapshot(
            id=record.id,
            name=record.name,
            kind=record.kind,
            spec=spec,
            status=status,
            job=None if job is None else job.id,
            created_at=record.created_at,
            nets=count.stages,
            nets_done=count.done,
        )
