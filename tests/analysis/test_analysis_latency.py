"""Latency: what is timed, how the figures follow from the times, and what is left behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn

from tsexplorer.analysis import latency
from tsexplorer.analysis.latency import FEWEST, MOST, WARM_UP, measure
from tsexplorer.specs import ModelSpec

SMALL = ModelSpec(name="hinton-narrow")
CORES = 3


class Probe(nn.Module):
    """A net that notes how it is called, and moves the clock by a time of its choice."""

    def __init__(self, clock: Clock, seconds: Callable[[int], float]) -> None:
        super().__init__()
        self.clock, self.seconds = clock, seconds
        self.threads: list[int] = []
        self.shapes: set[tuple[int, ...]] = set()
        self.modes: set[tuple[bool, bool]] = set()

    def forward(self, image: Tensor) -> Tensor:
        self.clock.now += self.seconds(len(self.threads) - WARM_UP)
        self.threads.append(torch.get_num_threads())
        self.shapes.add(tuple(image.shape))
        self.modes.add((self.training, torch.is_inference_mode_enabled()))
        return image


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def cores() -> Iterator[int]:
    """A number of threads that is neither 1 nor torch's own choice here, put back afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(CORES)
    yield CORES
    torch.set_num_threads(before)


def timed(monkeypatch: pytest.MonkeyPatch, seconds: Callable[[int], float]) -> Probe:
    """Let the clock and the net be ours."""
    clock = Clock()
    probe = Probe(clock, seconds)

    def build(model: ModelSpec, classes: int, seed: int) -> Probe:
        torch.get_num_threads()  # as any real net does: from here on the thread has a number
        return probe

    monkeypatch.setattr("tsexplorer.analysis.latency.time.perf_counter", clock)
    monkeypatch.setattr(latency, "build", build)
    return probe


def threads_of_a_new_thread() -> int:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return found[0]


def test_a_real_net_is_measured() -> None:
    result = measure(SMALL, 10)
    assert 0 < result.low <= result.median <= result.high
    assert FEWEST <= result.repeats <= MOST


def test_figures_are_quantiles_of_the_repeats_in_milliseconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The 10 repeats last 20, 18, ... 2 ms and the warm-up a second each, which must not count.
    monkeypatch.setattr(latency, "BUDGET_SECONDS", 0.0)
    timed(monkeypatch, lambda call: 1.0 if call < 0 else (20 - 2 * call) / 1000)
    result = measure(SMALL, 10)
    assert result.repeats == FEWEST == 10
    assert result.low == pytest.approx(4)
    assert result.median == pytest.approx(12)
    assert result.high == pytest.approx(20)


@pytest.mark.parametrize(("seconds", "repeats"), [(1.0, FEWEST), (0.0101, 25), (0.000_001, MOST)])
def test_the_budget_bounds_the_repeats(
    seconds: float, repeats: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = timed(monkeypatch, lambda _call: seconds)
    assert measure(SMALL, 10).repeats == repeats
    assert len(probe.threads) == WARM_UP + repeats


def test_one_image_a_call_on_one_core_as_in_use(
    monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    probe = timed(monkeypatch, lambda _call: 0.01)
    measure(SMALL, 10)
    assert set(probe.threads) == {1}
    assert probe.shapes == {(1, 1, 28, 28)}
    assert probe.modes == {(False, True)}
    assert torch.get_num_threads() == cores


def test_the_calling_thread_and_later_ones_have_their_cores_again(cores: int) -> None:
    """Whoever looked at latencies would otherwise train, or answer, on one core from then on."""
    measure(SMALL, 10)
    assert torch.get_num_threads() == cores
    assert threads_of_a_new_thread() == cores


def test_a_net_that_fails_leaves_the_cores_too(monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    def fail(_call: int) -> float:
        raise RuntimeError("no such operation")

    timed(monkeypatch, fail)
    with pytest.raises(RuntimeError, match="no such operation"):
        measure(SMALL, 10)
    assert torch.get_num_threads() == cores
    assert threads_of_a_new_thread() == cores


def test_two_callers_take_turns_and_each_keeps_its_cores(
    monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    found: list[int] = []

    def second() -> None:
        measure(SMALL, 10)
        found.append(torch.get_num_threads())

    def seconds(call: int) -> float:
        if call == 0 and threading.current_thread() is not other:
            other.start()
            other.join(0.3)  # time enough to come between, were it let in
            assert not found
        return 0.01

    other = threading.Thread(target=second)
    timed(monkeypatch, seconds)
    measure(SMALL, 10)
    other.join()
    assert found == [cores]
    assert torch.get_num_threads() == threads_of_a_new_thread() == cores
