"""A service that trains on few images, closed after each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.jobs.experiment_examples import load_few, settings
from tsexplorer.services.service import Service


@pytest.fixture
def service(settled: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setattr("tsexplorer.jobs.job_runner.load_splits", load_few)
    monkeypatch.setattr("tsexplorer.students.cost.load_splits", load_few)
    service = Service(settings(settled))
    yield service
    service.close()
