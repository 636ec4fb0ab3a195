"""Runs a tuning round by round: propose settings, train them, report the results; then repeat.

The search's state is in the store, and that of the running round in its chunks' checkpoints, so
that a tuning whose process was killed continues as it would have.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from tsexplorer.jobs.local_chunks import StudentBatch, train_students
from tsexplorer.jobs.study_run import StudyRun
from tsexplorer.specs import StageSpec
from tsexplorer.store import Store
from tsexplorer.students.events import Scores, StudentEpoch, prune_nothing
from tsexplorer.studies.student_stages import distinct
from tsexplorer.studies.sweep.results import kept_scores
from tsexplorer.studies.tuning.optuna_search import Search, Trial
from tsexplorer.studies.tuning.spec import TuneSpec
from tsexplorer.studies.tuning.suggestion import mean_accuracy, repeats


class SearchRunner:
    """Runs one tuning from its present state to its end."""

    def __init__(self, tune: TuneSpec, run: StudyRun) -> None:
        """A tuning whose job runs in the calling thread."""
        self._tune, self._run, self._store = tune, run, run.store
        self._students_done = 0
        with run.store.optuna_storage() as storage:
            self._search = Search(tune, storage, run.study.id)

    def run(self) -> None:
        """Train until all trials and repeats are done.

        Raises:
            Cancelled: the job was cancelled; finished students stay.
            UserError: why it cannot go on, in one sentence.
        """
        for number in range(self._tune.rounds):
            self._run.control.check()
            with self._store.optuna_storage():
                trials = self._search.round(number)
            students = self._round_students(number, trials)
            if any(trial.state == "running" for trial in trials):
                judge = PruningJudge(self._store, self._tune, self._search, trials)
                self._train(students, judge)
                self._report(trials, judge.pruned)
            else:
                self._skip(len(students))
        with self._store.optuna_storage():
            trials = self._search.trials
        self._train(repeats(self._tune, trials, self._scores()), None)

    def _round_students(self, number: int, trials: Iterable[Trial]) -> tuple[StageSpec, ...]:
        """The students of a round; the first round includes the baselines."""
        seeds = self._tune.search_seed_values
        students = list(self._tune.baseline_students(seeds)) if number == 0 else []
        for trial in trials:
            students += self._tune.students(trial.setting, seeds)
        return distinct(students)

    def _train(self, students: tuple[StageSpec, ...], judge: PruningJudge | None) -> None:
        stages = self._tune.stages.planned(students)
        self._store.add_stages(self._run.study.id, stages)
        total = max(self._tune.max_students, self._students_done + len(students))
        batch = StudentBatch(students, self._students_done, total)
        if judge is None:
            train_students(self._run, batch, prune_nothing)
        else:
            train_students(self._run, batch, judge, judge.pruned)
        self._students_done += len(students)

    def _report(self, trials: Iterable[Trial], pruned: Collection[str]) -> None:
        """Report a round to the search; pruned students have no usable weights."""
        scores = self._scores()
        for key in pruned:
            if key not in scores:
                self._store.record_stage_ended(key, "pruned")
        for trial in trials:
            accuracy = mean_accuracy(self._tune, trial.setting, scores)
            if accuracy is not None:
                first, *_ = self._tune.students(trial.setting, self._tune.search_seed_values)
                rows = self._store.epochs(first.hash)
                with self._store.optuna_storage():
                    by_epoch = {row.epoch: row.validation_accuracy for row in rows}
                    self._search.finish(trial.number, accuracy, by_epoch)

    def _skip(self, students: int) -> None:
        """Count a round that an earlier process finished."""
        self._students_done += students
        for _ in range(students):
            self._run.board.stage_done(self._run.job.id)

    def _scores(self) -> Mapping[str, Scores]:
        stages = self._store.stage_figures(self._run.study.id)
        scores = {stage.hash: kept_scores(stage) for stage in stages}
        return {key: score for key, score in scores.items() if score is not None}


class PruningJudge:
    """Decides which students of a round are stopped, by the search's pruning rule.

    Attributes:
        pruned: hashes of all students of the stopped trials, whatever their seeds.
    """

    def __init__(
        self, store: Store, tune: TuneSpec, search: Search, trials: Sequence[Trial]
    ) -> None:
        self._store, self._search = store, search
        self._students = {
            trial.number: tuple(
                student.hash for student in tune.students(trial.setting, tune.search_seed_values)
            )
            for trial in trials
        }
        self.pruned: set[str] = set()
        self._prune(trial.number for trial in trials if trial.state == "pruned")

    def __call__(self, rows: Sequence[StudentEpoch]) -> set[str]:
        """The students stopped after an epoch; a trial is judged by its first seed."""
        accuracies = {row.stage: row.validation.accuracy for row in rows}
        by_trial = {
            number: accuracies[first]
            for number, (first, *_) in self._students.items()
            if first in accuracies
        }
        if not by_trial:
            return set()
        with self._store.optuna_storage():
            return self._prune(self._search.judge(rows[0].epoch, by_trial))

    def _prune(self, trials: Iterable[int]) -> set[str]:
        students = {key for number in trials for key in self._students[number]}
        self.pruned |= students
        return students
