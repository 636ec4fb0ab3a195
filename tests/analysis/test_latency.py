"""Latency of a net, and the number of torch threads during and after its measurement."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from tsexplorer.analysis import latency
from tsexplorer.analysis.latency import (
    MAX_REPEATS,
    MIN_REPEATS,
    WARM_UP,
    measure_latency,
    one_thread,
)
from tsexplorer.data.base import ImageTask
from tsexplorer.specs import ModelSpec

SMALL = ModelSpec(name="hinton-narrow")


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class FakeNet(nn.Module):
    """A net that records its calls and moves the clock.

    Attributes:
        threads: torch's number of threads in each call.
        shapes: shapes of the images.
        modes: whether it was in training mode, and torch in inference mode.
    """

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


def fake_net(monkeypatch: pytest.MonkeyPatch, seconds: Callable[[int], float]) -> FakeNet:
    """Replace the net and the clock.

    Args:
        monkeypatch: the fixture.
        seconds: duration of each call; calls of the warm-up have negative numbers.
    """
    clock = Clock()
    net = FakeNet(clock, seconds)

    def build(model: ModelSpec, task: ImageTask, seed: int) -> FakeNet:
        torch.get_num_threads()  # like a real net: gives this thread its number of threads
        return net

    monkeypatch.setattr("tsexplorer.analysis.latency.time.perf_counter", clock)
    monkeypatch.setattr(latency, "build", build)
    return net


def threads_of_a_new_thread() -> int:
    """Return torch's number of threads in a new thread."""
    numbers: list[int] = []
    thread = threading.Thread(target=lambda: numbers.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return numbers[0]


# -- latency ----------------------------------------------------------------------------------


def test_a_real_net_is_measured() -> None:
    result = measure_latency(SMALL, ImageTask(10))
    assert 0 < result.low <= result.median <= result.high
    assert MIN_REPEATS <= result.repeats <= MAX_REPEATS


def test_results_are_quantiles_in_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    # The 10 repeats take 20, 18, ... 2 ms; the warm-up takes a second per call and is not counted.
    monkeypatch.setattr(latency, "BUDGET_SECONDS", 0.0)
    fake_net(monkeypatch, lambda call: 1.0 if call < 0 else (20 - 2 * call) / 1000)
    result = measure_latency(SMALL, ImageTask(10))
    assert result.repeats == MIN_REPEATS == 10
    assert result.low == pytest.approx(4)
    assert result.median == pytest.approx(12)
    assert result.high == pytest.approx(20)


@pytest.mark.parametrize(
    ("seconds", "repeats"), [(1.0, MIN_REPEATS), (0.0101, 25), (0.000_001, MAX_REPEATS)]
)
def test_the_budget_limits_the_repeats(
    seconds: float, repeats: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = fake_net(monkeypatch, lambda _call: seconds)
    assert measure_latency(SMALL, ImageTask(10)).repeats == repeats
    assert len(net.threads) == WARM_UP + repeats


def test_one_image_per_call_in_inference_mode_on_one_core(
    monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    net = fake_net(monkeypatch, lambda _call: 0.01)
    measure_latency(SMALL, ImageTask(10))
    assert set(net.threads) == {1}
    assert net.shapes == {(1, 1, 28, 28)}
    assert net.modes == {(False, True)}
    assert torch.get_num_threads() == cores


def test_the_number_of_threads_is_restored(cores: int) -> None:
    """Otherwise a training that starts later would use one core."""
    measure_latency(SMALL, ImageTask(10))
    assert torch.get_num_threads() == cores
    assert threads_of_a_new_thread() == cores


def test_a_failing_net_restores_the_number_of_threads(
    monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    def fail(_call: int) -> float:
        raise RuntimeError("no such operation")

    fake_net(monkeypatch, fail)
    with pytest.raises(RuntimeError, match="no such operation"):
        measure_latency(SMALL, ImageTask(10))
    assert torch.get_num_threads() == cores
    assert threads_of_a_new_thread() == cores


def test_measurements_in_two_threads_do_not_overlap(
    monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    threads_after: list[int] = []

    def measure_second() -> None:
        measure_latency(SMALL, ImageTask(10))
        threads_after.append(torch.get_num_threads())

    def seconds(call: int) -> float:
        if call == 0 and threading.current_thread() is not second:
            second.start()
            second.join(0.3)  # without the lock, it would finish in this time
            assert not threads_after
        return 0.01

    second = threading.Thread(target=measure_second)
    fake_net(monkeypatch, seconds)
    measure_latency(SMALL, ImageTask(10))
    second.join()
    assert threads_after == [cores]
    assert torch.get_num_threads() == threads_of_a_new_thread() == cores


# -- one thread -------------------------------------------------------------------------------


def test_one_thread_inside_and_the_previous_number_after(cores: int) -> None:
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == threads_of_a_new_thread() == cores


def test_an_exception_restores_the_number_of_threads(cores: int) -> None:
    with pytest.raises(RuntimeError, match="failed"), one_thread():
        raise RuntimeError("failed")
    assert torch.get_num_threads() == threads_of_a_new_thread() == cores


def test_a_second_caller_waits_and_restores_its_own_number(cores: int) -> None:
    """Without waiting, it would read 1 as the number to restore."""
    threads_after: list[int] = []

    def run_second() -> None:
        with one_thread():
            pass
        threads_after.append(torch.get_num_threads())

    second = threading.Thread(target=run_second)
    with one_thread():
        second.start()
        second.join(0.2)  # without the lock, it would finish in this time
        assert not threads_after
    second.join()
    assert threads_after == [cores]
    assert torch.get_num_threads() == threads_of_a_new_thread() == cores
