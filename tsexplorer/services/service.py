"""The service: pages and shell reach the store and the jobs only through it.

torch is imported by training and latency on first use, never with this module, so that the first
page appears quickly.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from tsexplorer.analysis.seed_statistics import Gain
from tsexplorer.data.base import ImageTask
from tsexplorer.data.registry import (
    add_data_folder,
    dataset_names,
    get_dataset,
    remove_data_folder,
)
from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.jobs.heartbeat import recover
from tsexplorer.jobs.progress import JobProgress
from tsexplorer.models import ModelSize, count
from tsexplorer.services import demo
from tsexplorer.services.datasets import Datasets
from tsexplorer.services.downloads import Download, Downloads
from tsexplorer.services.inference import Inference
from tsexplorer.services.job_queue import ACTIVE, RESUMABLE, JobQueue
from tsexplorer.services.studies import Studies
from tsexplorer.settings import Settings
from tsexplorer.specs import ROLES, ExperimentSpec, ModelSpec, Role
from tsexplorer.store import (
    EpochRow,
    ExperimentSnapshot,
    JobSnapshot,
    StageFigures,
    StageSnapshot,
    Store,
)
from tsexplorer.studies.experiment import ExperimentCheck, experiment_gain
from tsexplorer.studies.kind import get_kind
from tsexplorer.training.control import PagePriority

if TYPE_CHECKING:
    from tsexplorer.analysis.latency import Latency

NET_NAME = re.compile(rf"(?P<name>.+):(?P<role>{'|'.join(ROLES)})(?::(?P<seed>\d+))?", re.DOTALL)
"""EXPERIMENT:ROLE[:SEED]; the experiment's own name may contain colons."""


@dataclass(frozen=True)
class Watch:
    """An experiment with its curves and its job, read once.

    Attributes:
        experiment: with its stages' figures.
        epochs: finished epochs, by stage hash.
        job: its latest job, None if it was never queued.
        progress: of the job, in detail.
        jobs_before: jobs in the queue before this one.
    """

    experiment: ExperimentSnapshot
    epochs: dict[str, tuple[EpochRow, ...]]
    job: JobSnapshot | None
    progress: JobProgress
    jobs_before: int


class Service(JobQueue):
    """Experiments, studies, jobs, trained nets and downloads; safe to call from any thread.

    Attributes:
        studies: studies of all kinds.
        inference: answers of trained nets.
        downloads: of datasets.
        datasets: imported ones.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = Store.open(settings.url)
        self.page_priority = PagePriority()
        super().__init__(self.store, settings, self.page_priority)
        self.downloads = Downloads(settings.data_folder)
        add_data_folder(settings.data_folder)
        self.datasets = Datasets(settings, self._datasets_in_use)
        self.inference = Inference(settings)
        recover(self.store, settings)  # the job of a killed process may hold the demo
        demo.install(self.store)
        self.studies = Studies(
            self.store, settings, lambda: self.worker.wake_worker(), lambda job: self.progress(job)
        )

    def close(self) -> None:
        """Stop downloads and training, and close the database."""
        self.downloads.cancel_all()
        self.datasets.close()
        remove_data_folder(self.settings.data_folder)
        self.inference.cancel_all()
        super().close()
        self.store.close()

    # -- experiments ----------------------------------------------------------------------------

    def check(self, spec: ExperimentSpec) -> ExperimentCheck:
        """Check whether an experiment can be trained.

        Raises:
            UserError: it cannot, in one sentence.
        """
        return self.studies.check_experiment(spec)

    def start(self, spec: ExperimentSpec) -> JobSnapshot:
        """Queue an experiment, even if all its nets are trained.

        An experiment that is in the queue already keeps its place.

        Raises:
            UserError: :meth:`check` refuses it, its data is missing, or the name is taken.
        """
        job = self.enqueue(spec)
        self.worker.wake_worker()
        return job

    def enqueue(self, spec: ExperimentSpec) -> JobSnapshot:
        """Queue an experiment as :meth:`start` does, for a caller that runs the job itself."""
        return self.studies.enqueue(self.check(spec), cluster="")

    def keep(self, spec: ExperimentSpec) -> ExperimentSnapshot:
        """Store an experiment whose nets are all trained.

        Raises:
            UserError: :meth:`check` refuses it, a net is not trained, or the name is taken.
        """
        checked = self.check(spec)
        if not checked.complete:
            raise UserError("Some nets of this experiment are not trained yet; start it instead.")
        return self.store.add_experiment(spec, checked.stages)

    def free_name(self, spec: ExperimentSpec, preferred: str) -> str:
        """Return a name for an experiment; see :meth:`Studies.free_name`."""
        return self.studies.free_name(spec, preferred)

    def experiments(self) -> tuple[ExperimentSnapshot, ...]:
        """Return all experiments, newest first, followed by those that ship."""
        experiments = self.store.experiments()
        return tuple(
            sorted(experiments, key=lambda experiment: demo.list_position(experiment.name))
        )

    def experiment(self, key: str) -> ExperimentSnapshot:
        """Return one experiment by id or name.

        Raises:
            NotFoundError: there is none, or it is a study of another kind.
        """
        experiment = self.store.experiment(key)
        if experiment.kind != "experiment":
            kind = get_kind(experiment.kind)
            raise NotFoundError(
                f'"{experiment.name}" is a {kind.name}; open it on {kind.result_hint}.'
            )
        return experiment

    def study_of(self, job: JobSnapshot) -> ExperimentSnapshot:
        """Return the study that a job trains, of any kind, with its stages.

        Raises:
            NotFoundError: it was deleted.
        """
        return self.store.experiment(job.experiment_id)

    def watch(self, key: str) -> Watch:
        """Return an experiment with its curves and its latest job.

        Raises:
            NotFoundError: there is none.
        """
        experiment = self.store.experiment(key)
        job = self.store.latest_job(experiment.id)
        epochs = self.store.epochs_by_stage([link.stage.hash for link in experiment.stages])
        return Watch(
            experiment=experiment,
            epochs=dict(epochs),
            job=job,
            progress=self.progress(job) if job else JobProgress(),
            jobs_before=self.store.queue_position(job.id) if job and job.status == "queued" else 0,
        )

    def gain(self, experiment: ExperimentSnapshot, split: str = "test") -> Gain:
        """Return an experiment's accuracies and gap closed over its seeds.

        Args:
            experiment: with its stages.
            split: ``validation`` or ``test``; Test is measured once, when a stage ends.
        """
        figures = [
            StageFigures(
                hash=link.stage.hash,
                seed=link.seed,
                role=link.role,
                status=link.stage.status,
                epochs_done=link.stage.epochs_done,
                validation_accuracy=link.stage.validation_accuracy,
                validation_loss=link.stage.validation_loss,
                test_accuracy=link.stage.test_accuracy,
                agreement=link.stage.agreement,
                ece=link.stage.ece,
            )
            for link in experiment.stages
        ]
        return experiment_gain(experiment.spec, figures, split)

    def delete(self, key: str) -> None:
        """Remove a study of any kind, and the weights that no other study uses.

        Raises:
            NotFoundError: there is none.
            UserError: it is part of the app, or it is being trained.
        """
        experiment = self.store.study(key)
        if demo.is_demo(experiment):
            raise UserError(
                f'"{experiment.name}" is part of the app and cannot be deleted; '
                "delete another experiment."
            )
        self.studies.delete(experiment.id)

    # -- nets -----------------------------------------------------------------------------------

    def stage(self, key: str) -> StageSnapshot:
        """Return a stage by its hash, by the beginning of its hash, or as EXPERIMENT:ROLE[:SEED].

        Raises:
            NotFoundError: there is none, or more than one.
        """
        if ":" in key:
            experiment, role, seed = self.net(key)
            return experiment.stage(experiment.spec.seeds[0] if seed is None else seed, role)
        matches = [stage for stage in self.store.stages() if key and stage.hash.startswith(key)]
        if len(matches) != 1:
            raise NotFoundError(
                f"{'More than one stage begins' if matches else 'No stage begins'} with {key!r}; "
                "run --json and the app's Try an image page show the IDs."
            )
        return matches[0]

    def stages(self) -> tuple[StageSnapshot, ...]:
        """Return all stages, newest first."""
        return tuple(self.store.stages())

    def net(self, key: str) -> tuple[ExperimentSnapshot, Role, int | None]:
        """Return the experiment, role and seed of a net named EXPERIMENT:ROLE[:SEED].

        Raises:
            NotFoundError: there is no such experiment, or the name is not of this form.
        """
        match = NET_NAME.fullmatch(key)
        if match is None:
            name = key.partition(":")[0]
            self.experiment(name)
            raise NotFoundError(
                f"{key!r} is not the name of a stage; write {name}:{'|'.join(ROLES)}, followed by "
                ":SEED if there are several seeds."
            )
        role = next(role for role in ROLES if role == match["role"])
        seed = None if match["seed"] is None else int(match["seed"])
        return self.experiment(match["name"]), role, seed

    def count(self, model: ModelSpec, task: ImageTask) -> ModelSize:
        """Return a net's parameters, multiply-accumulates and bytes.

        Raises:
            UserError: there is no such net, or its sizes do not fit together.
        """
        return count(model, task)

    def latency(self, model: ModelSpec, task: ImageTask) -> Latency:
        """Return a net's time for one image on this machine, measured once per process."""
        return _latency(model, task)

    # -- data -----------------------------------------------------------------------------------

    def _datasets_in_use(self) -> set[str]:
        """Names of the datasets that queued, running and paused jobs need."""
        studies = (self.studies.get(job.experiment_id) for job in self.jobs(active_only=True))
        return {get_kind(study.kind).base(study.spec).data.name for study in studies}

    def dataset_available(self, name: str) -> bool:
        """Whether a dataset is on this machine."""
        return get_dataset(name).is_available(self.settings.data_folder)

    def download(self, name: str) -> Download | None:
        """Return the state of a dataset's download; None if there was none."""
        return self.downloads.state(name)


@lru_cache(maxsize=256)
def _latency(model: ModelSpec, task: ImageTask) -> Latency:
    from tsexplorer.analysis.latency import measure_latency

    return measure_latency(model, task)


__all__ = ["ACTIVE", "RESUMABLE", "Service", "StageSnapshot", "Watch", "dataset_names"]
