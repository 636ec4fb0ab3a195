"""How a tuning is checked and trained, and its results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tsexplorer.data.registry import get_dataset
from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.jobs.study_run import JobPlan, StudyRun
from tsexplorer.specs import ExperimentSpec, StageSpec
from tsexplorer.store import LastEpoch, Store
from tsexplorer.studies.experiment import check_experiment, renamed
from tsexplorer.studies.kind import (
    MAX_STUDENTS,
    Resources,
    StudentsCheck,
    StudyKind,
    StudySnapshot,
    StudySource,
    check_students,
)
from tsexplorer.studies.student_stages import Cell, check_objective
from tsexplorer.studies.sweep.results import kept_scores
from tsexplorer.studies.tuning.optuna_search import Importances, Trial, importances_of, trials_of
from tsexplorer.studies.tuning.spec import TuneSpec
from tsexplorer.studies.tuning.suggestion import Repeats, best_trials, repeat_results


@dataclass(frozen=True)
class TrialProgress:
    """How far a running trial is.

    Attributes:
        epoch: the last epoch that its first seed finished, 0 before the first.
        accuracy: on validation after that epoch; None before the first.
    """

    epoch: int
    accuracy: float | None


@dataclass(frozen=True)
class TuningResults:
    """The results of a tuning so far.

    Attributes:
        tune: the tuning and its state.
        trials: in the order in which they were proposed.
        running: progress of the running trials, by trial number.
        repeating: whether the search is over and its best settings are repeated.
        prerequisites_left: nets that must be trained before the search begins.
        repeats: settings that are repeated, and in the end the suggestion.
        importances: of the parameters; None while the job is
            active, with too few trials, or where one parameter is searched.
    """

    tune: StudySnapshot[TuneSpec]
    trials: tuple[Trial, ...]
    running: Mapping[int, TrialProgress]
    repeating: bool
    prerequisites_left: int
    repeats: Repeats
    importances: Importances | None

    @property
    def best(self) -> Trial | None:
        """The best finished trial on the search's seeds; None before one finished."""
        return next(iter(best_trials(self.tune.spec, self.trials)), None)

    def count(self, state: str) -> int:
        """How many trials are ``running``, ``pruned`` or ``done``."""
        return sum(trial.state == state for trial in self.trials)


class TuningKind(StudyKind[TuneSpec, TuningResults]):
    """A search for a setting; its results are trials and a suggestion."""

    name = "tuning"
    title = "Search"
    spec_type = TuneSpec
    result_hint = "the page Tune, and make its suggestion an experiment"
    open_ended = True

    def base(self, spec: TuneSpec) -> ExperimentSpec:
        """The experiment whose T, λ and rate are searched."""
        return spec.base

    def renamed(self, spec: TuneSpec, name: str) -> TuneSpec:
        """The same tuning under another name."""
        return spec.model_copy(update={"base": renamed(spec.base, name)})

    def check(self, spec: TuneSpec, resources: Resources) -> StudentsCheck[TuneSpec]:
        """Check whether a tuning can be trained.

        Raises:
            UserError: T or λ has no effect on the objective, the base experiment cannot be
                trained, or there are too many students or too large ones.
        """
        check_objective(spec.base.objective)
        if spec.max_students > MAX_STUDENTS:
            raise UserError(
                f"This search has up to {spec.max_students:,} students; take fewer trials, "
                f"repeats or seeds, so that there are at most {MAX_STUDENTS:,}."
            )
        check_experiment(spec.base, resources)
        prerequisites = spec.stages.prerequisites
        return check_students(
            spec=spec,
            base=spec.base,
            stages=prerequisites,
            prerequisites=[stage.spec.hash for stage in prerequisites],
            students=(),
            count=spec.max_students,
            sample=_sample_round(spec),
            resources=resources,
            open_ended=True,
        )

    def plan_job(self, spec: TuneSpec, stages: int) -> JobPlan:  # noqa: ARG002
        """Teachers first; students follow as the search proposes them."""
        prerequisites = len(spec.stages.prerequisites)
        return JobPlan(prerequisites, prerequisites + spec.max_students)

    def train(self, spec: TuneSpec, run: StudyRun) -> None:
        """Search round by round, then repeat the best settings."""
        from tsexplorer.studies.tuning.steps import SearchRunner

        SearchRunner(spec, run).run()

    def results(self, study: StudySnapshot[TuneSpec], source: StudySource) -> TuningResults:
        """Trials, repeats and, in the end, the suggestion."""
        return compute_results(study, source)

    def experiment(self, results: TuningResults, cell: Cell | None) -> ExperimentSpec:  # noqa: ARG002
        """The suggestion as an experiment, with the seed of the teacher.

        Raises:
            NotFoundError: there is no suggestion yet.
        """
        suggestion = results.repeats.suggestion
        if suggestion is None:
            raise NotFoundError("This tuning has no suggestion yet; let it come to its end.")
        return results.tune.spec.experiment(suggestion.result.cell)

    def delete_extras(self, study_id: str, store: Store) -> None:
        """Delete the search's trials."""
        store.delete_trials(study_id)


KIND = TuningKind()


def compute_results(study: StudySnapshot[TuneSpec], source: StudySource) -> TuningResults:
    """The results of a tuning whose stages are in the store."""
    tune, stages = study.spec, source.stages
    with source.store.optuna_storage() as storage:
        trials = trials_of(tune, storage, study.id)
        # Importances take long to compute, and a running search changes them every round.
        active = study.status in ("queued", "running", "paused")
        importances = None if active else importances_of(tune, storage, study.id)
    info = get_dataset(tune.base.data.name).info
    searched = len(trials) == tune.trials and all(trial.state != "running" for trial in trials)
    scores = {key: kept_scores(stage) for key, stage in stages.items()}
    repeats = repeat_results(
        tune,
        trials if searched else (),
        {key: score for key, score in scores.items() if score is not None},
        {
            key: stage.test_accuracy
            for key, stage in stages.items()
            if stage.status == "done" and stage.test_accuracy is not None
        },
        stages[tune.stages.teacher(0).hash].validation_accuracy,
        (info.validation, info.test),
    )
    prerequisites = [stage.spec.hash for stage in tune.stages.prerequisites]
    return TuningResults(
        tune=study,
        trials=trials,
        running=_running(tune, trials, source),
        repeating=searched,
        prerequisites_left=sum(stages[key].status != "done" for key in prerequisites),
        repeats=repeats,
        importances=importances,
    )


def _running(
    tune: TuneSpec, trials: tuple[Trial, ...], source: StudySource
) -> dict[int, TrialProgress]:
    first_seed = tune.search_seed_values[0]
    students = {
        trial.number: tune.stages.student(trial.setting, first_seed).hash
        for trial in trials
        if trial.state == "running"
    }
    last = source.last_epochs(students.values())
    return {number: _progress(last.get(key)) for number, key in students.items()}


def _progress(row: LastEpoch | None) -> TrialProgress:
    return (
        TrialProgress(0, None) if row is None else TrialProgress(row.epoch, row.validation_accuracy)
    )


def _sample_round(spec: TuneSpec) -> tuple[StageSpec, ...]:
    """Students of a full round; their settings do not change their size."""
    settings = [Cell(1.0 + step, 0.5, spec.rates[0]) for step in range(spec.round_size(0))]
    return tuple(
        student
        for setting in settings
        for student in spec.students(setting, spec.search_seed_values)
    )
