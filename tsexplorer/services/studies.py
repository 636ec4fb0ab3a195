"""Studies of all kinds: check, queue, read, turn results into experiments, delete.

The kinds are in :mod:`tsexplorer.studies`; this module has what they share. torch is imported only
to measure a cost, Optuna only to read a search.
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
from tsexplorer.services.job_queue import ACTIVE
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
SPEC_CACHE_SIZE = 64


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
            store: has them.
            settings: of the process.
            wake_worker: makes the worker read the queue.
            progress: returns the progress of a job.
        """
        self._store, self._settings = store, settings
        self._wake_worker, self._progress = wake_worker, progress
        self._measuring = threading.Lock()
        self._speeds: MeasuredSpeeds | None = None
        self._specs: LRUCache[tuple[str, str], Spec] = LRUCache(SPEC_CACHE_SIZE)
        self._specs_lock = threading.Lock()

    # -- before training ------------------------------------------------------------------------

    def check(self, spec: S) -> StudyCheck[S]:
        """Check whether a study can be trained.

        Raises:
            UserError: it cannot, in one sentence.
        """
        return kind_of(spec).check(spec, self._resources)

    def check_experiment(self, spec: ExperimentSpec) -> ExperimentCheck:
        """Check an experiment as :meth:`check` does, with the sizes of both nets."""
        checked = self.check(spec)
        assert isinstance(checked, ExperimentCheck)
        return checked

    def cost(self, spec: SweepSpec) -> float:
        """Return the seconds to train the missing stages of a sweep, measured on this machine.

        Each kind of net is measured once per process. Early stopping and other programs that run on
        the machine are not taken into account.

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

    def free_name(self, spec: Spec, preferred: str) -> str:
        """Return the preferred name, with a number if another study has that name.

        A study with the same settings keeps its name, so that it is reused.

        Raises:
            UserError: too many studies have this name.
        """
        kind = kind_of(spec)
        for number in range(1, 1000):
            name = preferred if number == 1 else f"{preferred[:74]} ({number})"
            if not self._store.has_study(name):
                return name
            record = self._store.study(name)
            if record.kind == kind.name and self._spec(record) == kind.renamed(spec, record.name):
                return name
        raise UserError(f"There are too many studies named {preferred!r}; choose another name.")

    @property
    def clusters_allowed(self) -> bool:
        """Whether a study may name a cluster."""
        return self._settings.cluster != NO_CLUSTERS

    def cluster_address(self, address: str | None) -> str | None:
        """Return the address of the cluster on which students train, None for this machine.

        Args:
            address: empty for this machine, None for the address in TSEXPLORER_CLUSTER.

        Raises:
            UserError: it is not an address, packages are missing, or clusters are switched off.
        """
        if not self.clusters_allowed:
            if address:
                raise UserError(
                    "Clusters are switched off by TSEXPLORER_CLUSTER; train on this machine."
                )
            return None
        address = self._settings.cluster if address is None else address.strip()
        return checked_address(address) if address else None

    # -- queueing -------------------------------------------------------------------------------

    def start(
        self, check: StudyCheck[S], name: str | None = None, cluster: str | None = None
    ) -> StudySnapshot[S]:
        """Queue a checked study, or only store it if all its nets are trained.

        A study that is in the queue already keeps its place.

        Args:
            check: from :meth:`check`.
            name: of the study; if None, the name in its spec.
            cluster: where its students train, as for :meth:`cluster_address`; the job keeps it.

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
        """Queue a checked study as :meth:`start` does, for a caller that runs the job itself."""
        address = self.cluster_address(cluster)
        require_data(kind_of(check.spec).base(check.spec), self._settings.data_folder)
        return self._store.enqueue(self._add(check, name).id, address)

    def start_experiment(self, spec: ExperimentSpec) -> ExperimentSnapshot:
        """Check an experiment, give it a free name, and queue it; store it only if it is trained.

        Raises:
            UserError: it cannot be trained, or its data is missing.
        """
        checked = self.check(spec.model_copy(update={"name": self.free_name(spec, spec.name)}))
        return self._store.experiment(self.start(checked).id)

    def make_experiment(self, key: str, cell: Cell | None = None) -> ExperimentSnapshot:
        """Make an experiment of a study's result, reusing the nets that are trained.

        Nets that are not trained yet, usually the baseline, are queued.

        Args:
            key: id or name of the study.
            cell: the setting, for kinds of study with several results.

        Raises:
            NotFoundError: there is no such study or result.
            UserError: the data is missing, and something must be trained.
        """
        kind = get_kind(self.get(key).kind)
        return self.start_experiment(kind.experiment(self.results(key), cell))

    # -- reading --------------------------------------------------------------------------------

    def all(self, kind: str | None = None) -> tuple[StudySnapshot[Any], ...]:
        """Return all studies, or those of one kind, newest first."""
        counts = self._store.stage_counts()
        jobs = self._store.latest_jobs()
        return tuple(
            self._snapshot(record, counts.get(record.id, StageCount(0, 0)), jobs.get(record.id))
            for record in self._store.studies(kind)
        )

    def get(self, key: str, kind: str | None = None) -> StudySnapshot[Any]:
        """Return one study by id or name.

        Args:
            key: id or name.
            kind: that it must have; None for any.

        Raises:
            NotFoundError: there is none, or it is of another kind.
        """
        record = self._record(key, kind)
        stages = self._store.stage_figures(record.id)
        done = sum(stage.status == "done" for stage in stages)
        count = StageCount(len(stages), done)
        return self._snapshot(record, count, self._store.latest_job(record.id))

    def results(self, key: str) -> Any:
        """Return the results of a study so far; their type depends on the kind.

        Raises:
            NotFoundError: there is no such study.
        """
        return self.state(key).results

    def state(self, key: str, kind: str | None = None) -> StudyState:
        """Return a study with its results and its job, read once.

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
        """Return one study of any kind by id or name, with its stages.

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

        record = self._store.study(key)
        files = WeightFiles(self._settings.stages_folder)
        for orphan in self._store.delete_study(record.id):
            files.discard(orphan)
        shutil.rmtree(self._settings.sweeps_folder / record.id, ignore_errors=True)
        get_kind(record.kind).delete_extras(record.id, self._store)

    def trained_stages(self, keys: Sequence[str]) -> frozenset[str]:
        """Return the hashes of the given stages that are trained and have weights."""
        folder = self._settings.stages_folder
        return frozenset(
            key for key in self._store.done_stages(keys) if weights_path(folder, key) is not None
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
        record = self._store.study(key) if self._store.has_study(key) else None
        if record is None or kind not in (None, record.kind):
            raise NotFoundError(
                f'There is no {kind or "study"} "{key}"; give the id or the name of one that '
                "exists."
            )
        return record

    def _spec(self, record: StudyRecord) -> Any:
        """Return a study's spec, parsed once because the object caches the stages of the study."""
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
