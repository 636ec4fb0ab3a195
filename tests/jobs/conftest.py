"""A service with few images, closed after each test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.jobs.jobs_examples import load_few, settings
from tsexplorer.services.service import Service
from tsexplorer.settings import Settings


@pytest.fixture(autouse=True)
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tsexplorer.jobs.job_runner.load_splits", load_few)


@pytest.fixture
def open_service(new_store: Path) -> Iterator[Callable[[Settings], Service]]:
    """Opens services, and closes them after the test."""
    opened: list[Service] = []

    def open_one(chosen: Settings) -> Service:
        database = chosen.home / new_store.name
        if not database.exists():
            chosen.home.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(new_store, database)
        opened.append(Service(chosen))
        return opened[-1]

    yield open_one
    for service in opened:
        service.close()


@pytest.fixture
def service(home: Path, open_service: Callable[[Settings], Service]) -> Service:
    return open_service(settings(home))
