"""Fixtures of the tests of inference: torch's number of threads, and a count of computations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from tests.analysis.analysis_examples import Computations
from tsexplorer.analysis import inference


@pytest.fixture
def cores() -> Iterator[int]:
    """Set torch to 3 threads, which is neither 1 nor its default here, and restore it later."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield 3
    torch.set_num_threads(before)


@pytest.fixture
def computations(monkeypatch: pytest.MonkeyPatch) -> Computations:
    """Count the calls of ``compute_outputs``."""
    computations, compute_outputs = Computations(), inference.compute_outputs

    def counted_compute_outputs(*args: Any) -> Any:
        computations.count += 1
        return compute_outputs(*args)

    monkeypatch.setattr(inference, "compute_outputs", counted_compute_outputs)
    return computations
