"""Searches on a made objective function, which needs no training."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.examples import TINY
from tsexplorer.specs import ExperimentSpec
from tsexplorer.store import Store
from tsexplorer.studies.student_stages import Cell
from tsexplorer.studies.tuning.optuna_search import Search, Trial
from tsexplorer.studies.tuning.spec import TuneSpec

EPOCHS = 6


def base(**changes: object) -> ExperimentSpec:
    train = TINY.distilled_train.model_copy(update={"epochs": EPOCHS, "learning_rate": 0.01})
    return TINY.model_copy(update={"distilled_train": train, **changes})


def tune(**changes: object) -> TuneSpec:
    usual = {"base": base(), "trials": 20, "per_round": 5}
    return TuneSpec.model_validate(usual | changes)


def hill(setting: Cell) -> float:
    """Best at T 4 and rate 0.01; lambda hardly matters."""
    far = math.log(setting.temperature / 4) ** 2 + 4 * math.log(setting.learning_rate / 0.01) ** 2
    return 0.95 - 0.02 * far - 0.0001 * setting.lam


def on_its_way(setting: Cell, epoch: int) -> float:
    return hill(setting) - 0.3 / epoch


@contextmanager
def searching(place: Path, asked: TuneSpec) -> Iterator[Callable[[], Search]]:
    """Opens the same search anew each time, as another process would."""
    store = Store.open(f"sqlite:///{place / 'store.sqlite3'}")

    def opened() -> Search:
        with store.studying() as storage:
            return Search(asked, storage, "search")

    yield opened
    store.close()


def tried(search: Search, trials: tuple[Trial, ...]) -> None:
    """Trains a round, so to speak."""
    left = {one.number: one for one in trials if one.state == "running"}
    for epoch in range(1, EPOCHS):
        seen = {number: on_its_way(one.setting, epoch) for number, one in left.items()}
        for number in search.judge(epoch, seen):
            del left[number]
    for number, one in left.items():
        judged = {epoch: on_its_way(one.setting, epoch) for epoch in range(1, EPOCHS + 1)}
        search.finish(number, hill(one.setting), judged)
