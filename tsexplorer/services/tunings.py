"""Tunings from the first question to the suggestion: the part of the service that knows of them.

In the store a tuning is an experiment whose nets are added as its search asks for them; the search
itself is in Optuna's tables beside. torch is imported when something is trained, Optuna when a
search is looked into, neither before.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tsexplorer.data.registry import get_dataset
from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.services.sweeps import MOST_STUDENTS, memory_sentence, trained_among
from tsexplorer.services.validation import needs_data, renamed
from tsexplorer.settings import Settings
from tsexplorer.specs import ExperimentSpec, StageSpec
from tsexplorer.store import EpochRow, ExperimentSnapshot, JobSnapshot, JobStatus, Store
from tsexplorer.students.chunks import plan_chunks
from tsexplorer.students.stacking_rule import available_memory, decide_stacking
from tsexplorer.studies.sweep.spec import Cell, check_objective
from tsexplorer.studies.tuning.optuna_search import Importances, Trial, importances_of, trials_of
from tsexplorer.studies.tuning.spec import TuneSpec
from tsexplorer.studies.tuning.suggestion import Outcome, best_trials, outcome


@dataclass(frozen=True)
class TuneCheck:
    """What a tuning comes to, before anything is trained.

    Attributes:
        trials: settings that are tried.
        rounds: how often they are asked for.
        students: trainings at most; those that are given up end early.
        together: students that train at once at most.
        teachers_left: nets that must be trained before.
        stacks: whether students train together.
        rule: a sentence that says whether they do, and why.
        memory: a sentence: how many at once, and what they take.
        remarks: what is allowed and worth knowing, one sentence each.
    """

    trials: int
    rounds: int
    students: int
    together: int
    teachers_left: int
    stacks: bool
    rule: str
    memory: str
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class TuneSnapshot:
    """A tuning as it stands.

    Attributes:
        id: 8 hex digits, for URLs and the shell.
        name: unique, among experiments and sweeps, too.
        spec: what was asked for.
        status: that of its latest job.
        job: its latest job, None if it never had one.
        created_at: UTC.
        nets: teachers and students asked for so far.
        nets_done: those that are trained.
    """

    id: str
    name: str
    spec: TuneSpec
    status: JobStatus
    job: int | None
    created_at: datetime
    nets: int
    nets_done: int


@dataclass(frozen=True)
class Way:
    """How far a trial under way is.

    Attributes:
        epoch: the last one finished by its first seed, 0 before the first.
        accuracy: on validation, of that epoch; None before the first.
    """

    epoch: int
    accuracy: float | None


@dataclass(frozen=True)
class TuneFigures:
    """What is known of a tuning so far.

    Attributes:
        tune: as it stands.
        trials: all that were asked for, in that order.
        ways: of the trials under way, by their numbers.
        repeating: whether the search is over and the best are, or were, repeated.
        teachers_left: nets that must be trained before the search begins.
        outcome: settings that are repeated, and in the end the suggestion.
    """

    tune: TuneSnapshot
    trials: tuple[Trial, ...]
    ways: dict[int, Way]
    repeating: bool
    teachers_left: int
    outcome: Outcome

    @property
    def best(self) -> Trial | None:
        """The best of the trials that ended, on the search's seeds; None before one did."""
        return next(iter(best_trials(self.tune.spec, self.trials)), None)

    def count(self, state: str) -> int:
        """Trials that are running, pruned or done."""
        return sum(one.state == state for one in self.trials)


class Tuning:
    """What can be asked of tunings; safe to call from any thread."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        look_over: Callable[[ExperimentSpec], object],
        take_up: Callable[[ExperimentSpec], ExperimentSnapshot],
        wake_worker: Callable[[], None],
    ) -> None:
        """Tunings of a store.

        Args:
            store: where they are kept.
            settings: of the process.
            look_over: raises a ``UserError`` for an experiment that cannot be.
            take_up: keeps an experiment, and queues it where something must be trained.
            wake_worker: tells the worker that there is something new in the queue.
        """
        self._store, self._settings = store, settings
        self._look_over, self._take_up, self._nudge = look_over, take_up, wake_worker

    # -- before ---------------------------------------------------------------------------------

    def check(self, spec: TuneSpec) -> TuneCheck:
        """Look a tuning over.

        Raises:
            UserError: T or lambda takes no part in the objective, a name is unknown, a net
                impossible, a batch larger than the data, or there are too many students or too
                large ones.
        """
        objective = check_objective(spec.base.objective)
        if spec.most_students > MOST_STUDENTS:
            raise UserError(
                f"This search has up to {spec.most_students:,} students; take fewer trials, "
                f"repeats or seeds, so that there are at most {MOST_STUDENTS:,}."
            )
        self._look_over(spec.base)
        info = get_dataset(spec.base.data.name).info
        students = _likely_round(spec)
        chunks = plan_chunks(students, info, available_memory())
        judged = decide_stacking(
            students[0].model, students[0].train, len(info.classes), objective.name
        )
        most = max(len(chunk.students) for chunk in chunks) if judged.stacks else 1
        done = trained_among([one.spec.hash for one in spec.before], self._store, self._settings)
        remarks = []
        if not objective.needs_teacher:
            remarks.append("Students of this objective do not learn from the teacher.")
        return TuneCheck(
            trials=spec.trials,
            rounds=spec.rounds,
            students=spec.most_students,
            together=most,
            teachers_left=len(spec.before) - len(done),
            stacks=judged.stacks,
            rule=judged.sentence,
            memory=memory_sentence(students[0], info, most),
            remarks=tuple(remarks),
        )

    def free_name(self, spec: TuneSpec, wish: str) -> str:
        """A name for a tuning: as wished, with a number where something else has that name.

        A tuning that asks for the very same keeps its name, so that it is found again.
        """
        for number in range(1, 1000):
            name = wish if number == 1 else f"{wish[:74]} ({number})"
            if not self._store.has_experiment(name):
                return name
            if self._store.experiment(name).tune == named(spec, name):
                return name
        raise UserError(f"There are too many tunings named {wish!r}; choose another name.")

    # -- training -------------------------------------------------------------------------------

    def start(self, spec: TuneSpec, name: str) -> TuneSnapshot:
        """Queue a tuning; one that is queued or running already is not queued twice.

        Raises:
            UserError: :meth:`check` says no, the data is not there, or the name is taken.
        """
        job = self.enqueue(spec, name)
        self._nudge()
        return self.one(job.experiment_id)

    def enqueue(self, spec: TuneSpec, name: str) -> JobSnapshot:
        """As :meth:`start`, for a caller that runs the job itself."""
        spec = named(spec, name)
        self.check(spec)
        needs_data(spec.base, self._settings)
        return self._store.enqueue(self._store.add_tune(spec).id)

    def adopt(self, key: str) -> ExperimentSnapshot:
        """The suggestion as an experiment of its own, on the seed of the teacher.

        What is not trained yet (most often the baseline, which the tuning trains otherwise) is
        queued.

        Raises:
            NotFoundError: there is no such tuning, or it has no suggestion yet.
            UserError: the data is not there, and something must be trained.
        """
        figures = self.figures(key)
        suggestion = figures.outcome.suggestion
        if suggestion is None:
            raise NotFoundError("This tuning has no suggestion yet; let it come to its end.")
        return self._take_up(figures.tune.spec.experiment(suggestion.result.cell))

    # -- asking ---------------------------------------------------------------------------------

    def all(self) -> tuple[TuneSnapshot, ...]:
        """All tunings, newest first."""
        return tuple(self._snapshot(row) for row in self._store.tunes())

    def one(self, key: str) -> TuneSnapshot:
        """One tuning by id or name.

        Raises:
            NotFoundError: there is none.
        """
        return self._snapshot(self._row(key))

    def figures(self, key: str) -> TuneFigures:
        """What is known of a tuning so far.

        Raises:
            NotFoundError: there is none.
        """
        row = self._row(key)
        snapshot = self._snapshot(row)
        tune = snapshot.spec
        with self._store.studying() as storage:
            trials = trials_of(tune, storage, row.id)
        stages = {link.stage.hash: link.stage for link in row.stages}
        info = get_dataset(tune.base.data.name).info
        tests = {
            key: one.test_accuracy
            for key, one in stages.items()
            if one.status == "done" and one.test_accuracy is not None
        }
        searched = len(trials) == tune.trials and all(one.state != "running" for one in trials)
        found = outcome(
            tune,
            trials if searched else (),
            row.scores,
            tests,
            stages[tune.sweep.teacher(0).hash].validation_accuracy,
            (info.validation, info.test),
        )
        return TuneFigures(
            tune=snapshot,
            trials=trials,
            ways=self._ways(tune, trials),
            repeating=searched,
            teachers_left=sum(stages[one.spec.hash].status != "done" for one in tune.before),
            outcome=found,
        )

    def importances(self, key: str) -> Importances | None:
        """How much each parameter has to do with being among the best trials.

        None where too few trials are over, or one parameter alone is searched.

        Raises:
            NotFoundError: there is no such tuning.
        """
        row = self._row(key)
        assert row.tune is not None
        with self._store.studying() as storage:
            return importances_of(row.tune, storage, row.id)

    def delete(self, key: str) -> None:
        """Remove a tuning, and the weights that nothing else uses.

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
        self._store.delete_study(row.id)

    def _row(self, key: str) -> ExperimentSnapshot:
        row = self._store.experiment(key) if self._store.has_experiment(key) else None
        if row is None or row.tune is None:
            raise NotFoundError(
                f'There is no tuning "{key}"; give the id or the name of one that exists.'
            )
        return row

    def _snapshot(self, row: ExperimentSnapshot) -> TuneSnapshot:
        assert row.tune is not None
        job = self._store.latest_job(row.id)
        return TuneSnapshot(
            id=row.id,
            name=row.name,
            spec=row.tune,
            status=job.status if job is not None else "queued",
            job=None if job is None else job.id,
            created_at=row.created_at,
            nets=len(row.stages),
            nets_done=sum(link.stage.status == "done" for link in row.stages),
        )

    def _ways(self, tune: TuneSpec, trials: tuple[Trial, ...]) -> dict[int, Way]:
        running = {
            one.number: tune.students(one.setting, tune.seeds_searched[:1])[0].hash
            for one in trials
            if one.state == "running"
        }
        last = self._store.last_epochs(list(running.values()))
        return {number: _way(last.get(key)) for number, key in running.items()}


def named(spec: TuneSpec, name: str) -> TuneSpec:
    """The same tuning under a name.

    Raises:
        UserError: it is empty or too long.
    """
    return spec.model_copy(update={"base": renamed(spec.base, name)})


def _way(row: EpochRow | None) -> Way:
    return Way(0, None) if row is None else Way(row.epoch, row.validation_accuracy)


def _likely_round(spec: TuneSpec) -> tuple[StageSpec, ...]:
    """Students as a round has them; their settings do not decide how they train."""
    settings = [Cell(1.0 + step, 0.5, spec.rates[0]) for step in range(spec.round_size(0))]
    return tuple(one for setting in settings for one in spec.students(setting, spec.seeds_searched))
