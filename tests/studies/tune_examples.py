"""Searches that maximise a formula instead of an accuracy, and need no training."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.examples import TINY
from tsexplorer.specs import ExperimentSpec
from tsexplorer.store import Store
from tsexplorer.studies.student_stages import Cell
from tsexplorer.studies.tuning.optuna_search import Search, Trial
from tsexplorer.studies.tuning.spec import TuneSpec

EPOCHS = 6
NAME = "search"
"""Of the search in the store."""


def make_base(**changes: object) -> ExperimentSpec:
    """``TINY`` with six epochs at the learning rate 0.01."""
    train = TINY.distilled_train.model_copy(update={"epochs": EPOCHS, "learning_rate": 0.01})
    return TINY.model_copy(update={"distilled_train": train, **changes})


def make_tune(**changes: object) -> TuneSpec:
    """A tuning of 20 trials in rounds of 5."""
    defaults = {"base": make_base(), "trials": 20, "per_round": 5}
    return TuneSpec.model_validate(defaults | changes)


def final_accuracy(setting: Cell) -> float:
    """Best at T = 4 and the learning rate 0.01; λ hardly matters."""
    temperature, rate = math.log(setting.temperature / 4), math.log(setting.learning_rate / 0.01)
    return 0.95 - 0.02 * (temperature**2 + 4 * rate**2) - 0.0001 * setting.lam


def accuracy_at(setting: Cell, epoch: int) -> float:
    """Accuracy after an epoch, from 1."""
    return final_accuracy(setting) - 0.3 / epoch


@contextmanager
def open_store(folder: Path) -> Iterator[Store]:
    """The store in a folder."""
    with closing(Store.open(f"sqlite:///{folder / 'store.sqlite3'}")) as store:
        yield store


@contextmanager
def open_search(folder: Path, tune: TuneSpec) -> Iterator[Callable[[], Search]]:
    """A function that opens the search again at each call, as another process would."""
    with open_store(folder) as store:

        def open_again() -> Search:
            with store.optuna_storage() as storage:
                return Search(tune, storage, NAME)

        yield open_again


def run_trials(search: Search, trials: tuple[Trial, ...]) -> None:
    """Judge the trials after each epoch and finish those that are not stopped."""
    running = {trial.number: trial for trial in trials if trial.state == "running"}
    for epoch in range(1, EPOCHS):
        accuracies = {
            number: accuracy_at(trial.setting, epoch) for number, trial in running.items()
        }
        for number in search.judge(epoch, accuracies):
            del running[number]
    for number, trial in running.items():
        judged = {epoch: accuracy_at(trial.setting, epoch) for epoch in range(1, EPOCHS + 1)}
        search.finish(number, final_accuracy(trial.setting), judged)
