"""One core for a while: what the calling thread and later ones have before, within and after."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from tsexplorer.analysis.latency import one_thread

CORES = 3


@pytest.fixture(autouse=True)
def cores() -> Iterator[None]:
    """A number of threads that is neither 1 nor torch's own choice here, put back afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(CORES)
    yield
    torch.set_num_threads(before)


def threads_of_a_new_thread() -> int:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return found[0]


def test_one_core_within_and_as_many_as_before_afterwards() -> None:
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == threads_of_a_new_thread() == CORES


def test_work_that_fails_leaves_the_cores_too() -> None:
    with pytest.raises(RuntimeError, match="failed"), one_thread():
        raise RuntimeError("failed")
    assert torch.get_num_threads() == threads_of_a_new_thread() == CORES


def test_callers_take_turns_and_each_keeps_its_cores() -> None:
    """A second that came between would take the first one's 1 for the number it had."""
    found: list[int] = []

    def second() -> None:
        with one_thread():
            pass
        found.append(torch.get_num_threads())

    other = threading.Thread(target=second)
    with one_thread():
        other.start()
        other.join(0.2)  # time enough to come between, were it let in
        assert not found
    other.join()
    assert found == [CORES]
    assert torch.get_num_threads() == threads_of_a_new_thread() == CORES
