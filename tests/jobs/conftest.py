"""A service with few images, closed after each test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.jobs.experiment_examples import OptimiserSteps, load_few, settings
from tsexplorer.services.service import Service
from tsexplorer.settings import Settings
from tsexplorer.store import Store
from tsexplorer.training.learner import Learner


@pytest.fixture(autouse=True)
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tsexplorer.jobs.job_runner.load_splits", load_few)


@pytest.fixture
def open_service(new_store: Path) -> Iterator[Callable[[Settings], Service]]:
    """Opens services, and closes them after the test."""
    services: list[Service] = []

    def open_with(chosen: Settings) -> Service:
        database = chosen.home / new_store.name
        if not database.exists():
            chosen.home.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(new_store, database)
        services.append(Service(chosen))
        return services[-1]

    yield open_with
    for service in services:
        service.close()


@pytest.fixture
def service(home: Path, open_service: Callable[[Settings], Service]) -> Service:
    return open_service(settings(home))


@pytest.fixture
def store(service: Service) -> Store:
    return service.store


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> OptimiserSteps:
    """The optimiser steps of all trainings in this process."""
    recorded = OptimiserSteps()
    original = Learner.step

    def step(self: Learner, *arguments: object) -> None:
        original(self, *arguments)  # type: ignore[arg-type]
        recorded.record()

    monkeypatch.setattr(Learner, "step", step)
    return recorded
