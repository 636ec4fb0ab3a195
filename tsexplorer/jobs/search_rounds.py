"""A tuning, round by round: settings are asked for, tried, and told; then the best are repeated.

What was asked and told stands in the store, and the round under way in its chunks' checkpoints, so
that a tuning whose process is gone goes on as it would have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from tsexplorer.data.registry import Splits
from tsexplorer.jobs.local_chunks import LocalChunkRunner, StudentBatch
from tsexplorer.jobs.progress import ProgressBoard
from tsexplorer.settings import Settings
from tsexplorer.specs import StageSpec
from tsexplorer.store import ExperimentSnapshot, JobSnapshot, Store
from tsexplorer.students.events import StudentEpoch
from tsexplorer.studies.tuning.optuna_search import Search, Trial
from tsexplorer.studies.tuning.spec import TuneSpec
from tsexplorer.studies.tuning.suggestion import mean_accuracy, repeats
from tsexplorer.training import events
from tsexplorer.training.control import Control

Waiting = Callable[[str], object]


class SearchRunner:
    """Runs one tuning from where it stands to its end."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        board: ProgressBoard,
        job: JobSnapshot,
        experiment: ExperimentSnapshot,
        splits: Splits,
    ) -> None:
        """A tuning whose job this process has; ``splits`` are its data."""
        assert experiment.tune is not None
        self._store, self._settings, self._board, self._job = store, settings, board, job
        self._key, self._tune, self._splits = experiment.id, experiment.tune, splits
        self._over = 0
        with store.studying() as storage:
            self._search = Search(self._tune, storage, experiment.id)

    def run(self, control: Control, listener: events.Listener, waiting: Waiting) -> None:
        """Train until nothing is left to try and to repeat.

        Args:
            control: pause, resume, step, cancel.
            listener: hears the chunks.
            waiting: called with a net's hash while another process trains it; may raise.

        Raises:
            Cancelled: ``control`` said so; what is done stays.
            UserError: in one sentence, why it cannot go on.
        """
        for number in range(self._tune.rounds):
            control.check()
            with self._store.studying():
                trials = self._search.round(number)
            tried = self._tried(number, trials)
            if any(one.state == "running" for one in trials):
                judge = PruningJudge(self._store, self._tune, self._search, trials)
                self._train(tried, judge, control, listener, waiting)
                self._tell(trials, judge)
            else:
                self._pass(len(tried))
        students = repeats(self._tune, self._trials(), self._experiment().scores)
        self._train(students, None, control, listener, waiting)

    def _tried(self, number: int, trials: Iterable[Trial]) -> tuple[StageSpec, ...]:
        """The students of a round; the baselines are trained with the first."""
        seeds = self._tune.seeds_searched
        students = list(self._tune.baseline_students(seeds)) if number == 0 else []
        for one in trials:
            students += self._tune.students(one.setting, seeds)
        return _once(students)

    def _train(
        self,
        students: tuple[StageSpec, ...],
        judge: PruningJudge | None,
        control: Control,
        listener: events.Listener,
        waiting: Waiting,
    ) -> None:
        self._store.extend_experiment(self._key, self._tune.planned(students))
        lot = StudentBatch(
            students,
            self._settings.sweeps_folder / self._key,
            self._over,
            max(self._tune.most_students, self._over + len(students)),
        )
        places = self._store, self._settings, self._board, self._job
        sweeper = (
            LocalChunkRunner(*places, lot, self._splits)
            if judge is None
            else LocalChunkRunner(*places, lot, self._splits, judge, judge.given_up)
        )
        sweeper.run(control, listener, waiting)
        self._over += len(students)

    def _tell(self, trials: Iterable[Trial], judge: PruningJudge) -> None:
        """What came of a round; those given up are no nets that anybody could use."""
        scores = self._experiment().scores
        for key in judge.given_up:
            if key not in scores:
                self._store.stage_ended(key, "pruned")
        for one in trials:
            accuracy = mean_accuracy(self._tune, one.setting, scores)
            if accuracy is not None:
                first, *_ = self._tune.students(one.setting, self._tune.seeds_searched)
                rows = self._store.epochs(first.hash)
                with self._store.studying():
                    judged = {row.epoch: row.validation_accuracy for row in rows}
                    self._search.finish(one.number, accuracy, judged)

    def _pass(self, students: int) -> None:
        """A round that is over needs no more training."""
        self._over += students
        for _ in range(students):
            self._board.stage_done(self._job.id)

    def _trials(self) -> tuple[Trial, ...]:
        with self._store.studying():
            return self._search.trials

    def _experiment(self) -> ExperimentSnapshot:
        return self._store.experiment(self._key)


class PruningJudge:
    """Says which students of a round are given up, by what the search makes of their trials.

    Attributes:
        given_up: hashes of all students that were, the seeds that nobody judged among them.
    """

    def __init__(
        self, store: Store, tune: TuneSpec, search: Search, trials: Sequence[Trial]
    ) -> None:
        self._store, self._search = store, search
        self._students = {
            one.number: tuple(
                student.hash for student in tune.students(one.setting, tune.seeds_searched)
            )
            for one in trials
        }
        self.given_up: set[str] = set()
        self._drop(one.number for one in trials if one.state == "pruned")

    def __call__(self, rows: Sequence[StudentEpoch]) -> set[str]:
        """Those given up after an epoch; a trial is judged by its first seed."""
        accuracies = {row.stage: row.validation.accuracy for row in rows}
        asked = {
            number: accuracies[first]
            for number, (first, *_) in self._students.items()
            if first in accuracies
        }
        if not asked:
            return set()
        with self._store.studying():
            return self._drop(self._search.judge(rows[0].epoch, asked))

    def _drop(self, trials: Iterable[int]) -> set[str]:
        found = {key for number in trials for key in self._students[number]}
        self.given_up |= found
        return found


def _once(students: Iterable[StageSpec]) -> tuple[StageSpec, ...]:
    return tuple({one.hash: one for one in students}.values())
