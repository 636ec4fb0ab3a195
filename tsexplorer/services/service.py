"""The one door to everything: pages and shell ask here and nowhere else.

Nothing below needs torch to be imported before the first page is drawn; what does (training,
latency) imports it when it is first asked for, on its own thread where it can.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from tsexplorer.analysis.seed_statistics import Gain, gain
from tsexplorer.data.registry import dataset_names, get_dataset
from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.jobs.heartbeat import recover
from tsexplorer.jobs.progress import JobProgress
from tsexplorer.jobs.worker import Worker
from tsexplorer.models import ModelSize, count
from tsexplorer.services import demo
from tsexplorer.services.downloads import Download, Downloads
from tsexplorer.services.inference import Reading
from tsexplorer.services.sweeps import Sweeping
from tsexplorer.services.tunings import Tuning
from tsexplorer.services.validation import Check, check, needs_data
from tsexplorer.settings import Settings
from tsexplorer.specs import ROLES, ExperimentSpec, ModelSpec, Role
from tsexplorer.store import (
    EpochRow,
    ExperimentSnapshot,
    JobSnapshot,
    StageSnapshot,
    Store,
)
from tsexplorer.training.control import PagePriority
from tsexplorer.training.paths import weights_path

if TYPE_CHECKING:
    from tsexplorer.analysis.latency import Latency

ACTIVE = ("queued", "running", "paused")
RESUMABLE = ("interrupted", "cancelled", "failed")
DONE = {"pause": "paused", "resume": "resumed", "step": "stepped", "cancel": "cancelled"}


NET = re.compile(rf"(?P<name>.+):(?P<role>{'|'.join(ROLES)})(?::(?P<seed>\d+))?", re.DOTALL)
"""How a net of an experiment is named; the experiment's own name may hold colons."""


@dataclass(frozen=True)
class Watch:
    """An experiment as it stands now.

    Attributes:
        experiment: with its stages' figures.
        epochs: finished epochs, by stage hash.
        job: its latest job, None if it never had one.
        standing: the fine grain of a job that this process runs, or that another one reports.
        ahead: jobs in the queue before this one.
    """

    experiment: ExperimentSnapshot
    epochs: dict[str, tuple[EpochRow, ...]]
    job: JobSnapshot | None
    standing: JobProgress
    ahead: int


class Service:
    """What can be asked; safe to call from any thread."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = Store.open(settings.url)
        self.downloads = Downloads(settings.data_folder)
        self.reading = Reading(settings)
        self.page_priority = PagePriority()
        recover(self.store, settings)  # a job that died holds an experiment, also one that ships
        demo.install(self.store)
        self._worker: Worker | None = None
        self._lock = threading.Lock()
        doors = self.store, settings, self.check, self.take_up, lambda: self.worker.wake_worker()
        self.sweeps, self.tuning = Sweeping(*doors), Tuning(*doors)

    # -- asking ---------------------------------------------------------------------------------

    def check(self, spec: ExperimentSpec) -> Check:
        """Look an experiment over; errors as for :func:`~tsexplorer.services.validation.check`."""
        return check(spec, self.settings.data_folder, self._is_trained)

    def dataset_available(self, name: str) -> bool:
        """Whether a dataset can be trained on now."""
        return get_dataset(name).available(self.settings.data_folder)

    def download(self, name: str) -> Download | None:
        """Where the dataset's download stands."""
        return self.downloads.state(name)

    def experiments(self) -> tuple[ExperimentSnapshot, ...]:
        """All experiments, newest first, those that ship last."""
        found = self.store.experiments()
        return tuple(sorted(found, key=lambda experiment: demo.place(experiment.name)))

    def experiment(self, key: str) -> ExperimentSnapshot:
        """One experiment by id or name.

        Raises:
            NotFoundError: there is none, or it is a sweep or a tuning.
        """
        found = self.store.experiment(key)
        if found.kind == "sweep":
            raise NotFoundError(
                f'"{found.name}" is a sweep; open it on the page T × λ map, and make one of its '
                "cells an experiment."
            )
        if found.kind == "tuning":
            raise NotFoundError(
                f'"{found.name}" is a tuning; open it on the page Tune, and make its suggestion '
                "an experiment."
            )
        return found

    def subject(self, job: JobSnapshot) -> ExperimentSnapshot:
        """What a job trains: an experiment, a sweep or a tuning, as its ``kind`` says.

        Raises:
            NotFoundError: it was deleted.
        """
        return self.store.experiment(job.experiment_id)

    def stage(self, key: str) -> StageSnapshot:
        """A stage by its hash, or enough of its beginning, or as EXPERIMENT:ROLE[:SEED].

        Raises:
            NotFoundError: there is none, or more than one.
        """
        if ":" in key:
            experiment, role, seed = self.net(key)
            return experiment.stage(experiment.spec.seeds[0] if seed is None else seed, role)
        found = [stage for stage in self.store.stages() if key and stage.hash.startswith(key)]
        if len(found) != 1:
            raise NotFoundError(
                f"{'More than one stage begins' if found else 'No stage begins'} with {key!r}; "
                "run --json and the app's Try a digit page give the IDs."
            )
        return found[0]

    def net(self, key: str) -> tuple[ExperimentSnapshot, Role, int | None]:
        """A net named EXPERIMENT:ROLE[:SEED]: of which experiment, which one, of which seed.

        Raises:
            NotFoundError: there is no such experiment, or the name is not of this form.
        """
        found = NET.fullmatch(key)
        if found is None:
            name = key.partition(":")[0]
            self.experiment(name)
            raise NotFoundError(
                f"{key!r} names no stage; write {name}:{'|'.join(ROLES)}, and :SEED behind it "
                "where there are several seeds."
            )
        role = next(one for one in ROLES if one == found["role"])
        seed = None if found["seed"] is None else int(found["seed"])
        return self.experiment(found["name"]), role, seed

    def free_name(self, spec: ExperimentSpec, wish: str) -> str:
        """A name for an experiment: as wished, with a number where another one has that name.

        An experiment with these very settings keeps its name, so that it is found again.
        """
        for number in range(1, 1000):
            name = wish if number == 1 else f"{wish[:74]} ({number})"
            if not self.store.has_experiment(name):
                return name
            found = self.store.experiment(name)
            if found.kind == "experiment" and found.spec == spec.model_copy(update={"name": name}):
                return name
        raise UserError(f"There are too many experiments named {wish!r}; choose another name.")

    def gain(self, experiment: ExperimentSnapshot, split: str = "test") -> Gain:
        """An experiment's accuracies and gap closed over its seeds, on ``validation`` or ``test``.

        The test figures were read once, when each stage ended. Of a student that never saw some
        classes there is no gap closed: as trained it does not answer with them.
        """
        seeds: dict[int, dict[str, float]] = {}
        for link in experiment.stages:
            value = getattr(link.stage, f"{split}_accuracy")
            if value is not None and link.role in ROLES:
                seeds.setdefault(link.seed, {})[link.role] = value
        found = gain(list(seeds.values()))  # type: ignore[arg-type]
        unlike = bool(experiment.spec.left_out)
        return replace(found, gap=None, gap_of_means=None) if unlike else found

    def count(self, model: ModelSpec, classes: int) -> ModelSize:
        """A net's parameters, multiply-accumulates and bytes.

        Raises:
            UserError: there is no such net, or it is impossible.
        """
        return count(model, classes)

    def latency(self, model: ModelSpec, classes: int) -> Latency:
        """A net's time for one image on this machine, measured once a process."""
        return _latency(model, classes)

    # -- training -------------------------------------------------------------------------------

    def start(self, spec: ExperimentSpec) -> JobSnapshot:
        """Queue an experiment; one that is queued or running already is not queued twice.

        Raises:
            UserError: :meth:`check` says no, the data is not there, or the name is taken.
        """
        job = self.enqueue(spec)
        self.worker.wake_worker()
        return job

    def keep(self, spec: ExperimentSpec) -> ExperimentSnapshot:
        """Keep an experiment whose nets are all trained: there is nothing to queue.

        Raises:
            UserError: :meth:`check` says no, a net is not trained, or the name is taken.
        """
        checked = self.check(spec)
        if len(checked.trained) < len({stage.spec.hash for stage in checked.planned}):
            raise UserError("Some nets of this experiment are not trained yet; start it instead.")
        return self.store.add_experiment(spec, checked.planned)

    def take_up(self, spec: ExperimentSpec) -> ExperimentSnapshot:
        """Keep an experiment, and queue it unless all its nets are trained.

        It gets a free name where another one has its name.

        Raises:
            UserError: :meth:`check` says no, or the data is not there and must be.
        """
        spec = spec.model_copy(update={"name": self.free_name(spec, spec.name)})
        checked = self.check(spec)
        if len(checked.trained) == len({stage.spec.hash for stage in checked.planned}):
            return self.keep(spec)
        return self.store.experiment(self.start(spec).experiment_id)

    def enqueue(self, spec: ExperimentSpec) -> JobSnapshot:
        """As :meth:`start`, for a caller that runs the job itself."""
        checked = self.check(spec)
        needs_data(spec, self.settings)
        experiment = self.store.add_experiment(spec, checked.planned)
        return self.store.enqueue(experiment.id)

    def pause(self, job: int) -> None:
        """Hold a running job."""
        self._steer(job, "pause", "paused")

    def step(self, job: int) -> None:
        """Run a held job to the end of its epoch, then hold it again."""
        self._steer(job, "step", "running")

    def cancel(self, job: int) -> None:
        """Stop a job, or give up one that was interrupted; what is finished of it stays.

        Raises:
            UserError: the job has ended.
        """
        if self.store.cancel_queued(job):
            return
        if self.store.job(job).status == "interrupted":
            self.store.set_job_status(job, "cancelled")
            return
        self._steer(job, "cancel", None)

    def resume(self, job: int) -> None:
        """Go on with a held job, or queue one that was interrupted, cancelled or has failed.

        Resuming what goes on, or is queued already, does nothing: two tabs may ask the same.

        Raises:
            UserError: the job is done, or what it trains is in the queue as another job.
        """
        status = self.store.job(job).status
        if status in ("paused", "running"):
            self._steer(job, "resume", "running")
            return
        if status != "queued":
            self._requeue(job)
        self.worker.wake_worker()

    def _requeue(self, job: int) -> None:
        try:
            self.store.requeue(job)
        except UserError:
            if self.store.job(job).status not in ACTIVE:  # else somebody was quicker
                raise

    def serve(self) -> None:
        """Begin to train what the queue held when this process started, if there is any."""
        if self.store.jobs(active_only=True):
            self.worker.wake_worker()

    def jobs(self, *, active_only: bool = False) -> tuple[JobSnapshot, ...]:
        """Jobs, the newest first; active ones are queued, running or paused."""
        return tuple(self.store.jobs(active_only=active_only))

    def watch(self, key: str) -> Watch:
        """An experiment with its curves and its latest job.

        Raises:
            NotFoundError: there is none.
        """
        experiment = self.store.experiment(key)
        job = self.store.latest_job(experiment.id)
        epochs = self.store.epochs_many([link.stage.hash for link in experiment.stages])
        return Watch(
            experiment=experiment,
            epochs=dict(epochs),
            job=job,
            standing=self.standing(job) if job else JobProgress(),
            ahead=self.store.queue_position(job.id) if job and job.status == "queued" else 0,
        )

    def standing(self, job: JobSnapshot) -> JobProgress:
        """Where a job stands: from memory if it is ours, else from its last heartbeat."""
        if self._worker is not None and self._worker.owns(job):
            return self._worker.board.read(job.id)
        return JobProgress.reported(job.progress)

    def delete(self, key: str) -> None:
        """Remove an experiment, a sweep or a tuning, and the weights that no other one uses.

        Raises:
            UserError: it ships, or it is being trained.
        """
        experiment = self.store.experiment(key)
        if demo.is_demo(experiment):
            raise UserError(
                f'"{experiment.name}" ships with the app and stays; delete another experiment.'
            )
        if experiment.kind != "experiment":
            many = self.sweeps if experiment.kind == "sweep" else self.tuning
            many.delete(experiment.id)
            return
        from tsexplorer.jobs.stage_files import WeightFiles

        shelf = WeightFiles(self.settings.stages_folder)
        for orphan in self.store.delete_experiment(experiment.id):
            shelf.discard(orphan)

    @property
    def worker(self) -> Worker:
        """The training thread, started when first asked for."""
        with self._lock:
            if self._worker is None:
                self._worker = Worker(self.store, self.settings, self.page_priority)
                self._worker.start()
            return self._worker

    def close(self) -> None:
        """Stop training and downloads, wait for the one, and let go of the database."""
        self.downloads.cancel_all()
        self.reading.cancel_all()
        if self._worker is not None:
            self._worker.stop()
        self.store.close()

    def _is_trained(self, key: str) -> bool:
        return (
            self.store.has_stage_done(key)
            and weights_path(self.settings.stages_folder, key) is not None
        )

    def _steer(self, job: int, request: str, status: str | None) -> None:
        snapshot = self.store.job(job)
        if snapshot.status not in ACTIVE:
            raise UserError(f"Job {job} is {snapshot.status}, so it cannot be {DONE[request]}.")
        if self._worker is not None and self._worker.steer(job, request):
            if status is not None:
                self.store.set_job_status(job, status)
            return
        self.store.request(job, request)


@lru_cache(maxsize=256)
def _latency(model: ModelSpec, classes: int) -> Latency:
    from tsexplorer.analysis.latency import measure

    return measure(model, classes)


__all__ = [
    "ACTIVE",
    "RESUMABLE",
    "Check",
    "Service",
    "StageSnapshot",
    "Watch",
    "dataset_names",
]
