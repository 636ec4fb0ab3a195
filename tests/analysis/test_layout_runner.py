"""Layouts in the background: progress, cancellation, failure, and how many are kept."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from tests.jobs.experiment_examples import wait_until
from tsexplorer.analysis import embedding
from tsexplorer.analysis.embedding import Layout, LayoutKey, LayoutRunner, LayoutStep, tsne
from tsexplorer.analysis.soft_targets import Logits

FEATURES = np.random.default_rng(0).normal(size=(40, 5))


def key(answers: str = "net", seed: int = 0) -> LayoutKey:
    """Return the key of a layout by the blocking method."""
    return LayoutKey(answers, "blocking", len(FEATURES), seed)


class BlockingMethod:
    """A method that yields its half, and then waits until a test lets it finish.

    Attributes:
        half: set once the half was yielded.
        finish: lets it finish.
        started: number of runs that started.
        running: number of runs now.
        max_running: largest number of runs at the same time.
        error: raised at the end, if any.
    """

    def __init__(self) -> None:
        self.half, self.finish = threading.Event(), threading.Event()
        self.started, self.running, self.max_running = 0, 0, 0
        self.error: Exception | None = None

    def __call__(self, x_NF: Logits, seed: int) -> Iterator[LayoutStep]:
        self.started += 1
        self.running += 1
        self.max_running = max(self.max_running, self.running)
        try:
            yield LayoutStep(0.5, np.zeros((len(x_NF), 2), np.float32))
            self.half.set()
            while not self.finish.wait(0.002):
                yield LayoutStep(0.5, np.zeros((len(x_NF), 2), np.float32))
            if self.error is not None:
                raise self.error
            yield LayoutStep(1.0, np.full((len(x_NF), 2), seed, np.float32))
        finally:
            self.running -= 1


@pytest.fixture
def method(monkeypatch: pytest.MonkeyPatch) -> Iterator[BlockingMethod]:
    """Register a blocking method, and let its runs finish after the test."""
    method = BlockingMethod()
    monkeypatch.setitem(embedding.METHODS, "blocking", method)
    yield method
    method.finish.set()


def wait_for_end(runner: LayoutRunner, key: LayoutKey) -> Layout:
    """Wait until a layout is no longer active, and return it."""
    return wait_until(lambda: (layout := runner.state(key)) and not layout.is_active and layout)


def test_the_state_follows_a_layout_to_its_end(method: BlockingMethod) -> None:
    runner = LayoutRunner()
    assert runner.state(key()) is None
    runner.start(key(seed=3), FEATURES)
    assert method.half.wait(30)
    running = runner.state(key(seed=3))
    assert running is not None
    assert (running.status, running.share, running.points_N2) == ("running", 0.5, None)
    method.finish.set()
    done = wait_for_end(runner, key(seed=3))
    assert (done.status, done.share) == ("done", 1.0)
    assert done.points_N2 is not None
    assert (done.points_N2 == 3).all()


def test_an_active_or_finished_layout_is_not_started_again(method: BlockingMethod) -> None:
    runner = LayoutRunner()
    for _ in range(3):
        runner.start(key(), FEATURES)
    method.finish.set()
    done = wait_for_end(runner, key())
    runner.start(key(), FEATURES)
    assert runner.state(key()) is done
    assert method.started == 1


def test_layouts_run_one_at_a_time(method: BlockingMethod) -> None:
    runner = LayoutRunner()
    runner.start(key("first"), FEATURES)
    assert method.half.wait(30)
    runner.start(key("second"), FEATURES)
    waiting = runner.state(key("second"))
    assert waiting is not None
    assert (waiting.status, waiting.share) == ("waiting", 0.0)
    method.finish.set()
    for name in ("first", "second"):
        assert wait_for_end(runner, key(name)).status == "done"
    assert (method.started, method.max_running) == (2, 1)


def test_a_cancelled_layout_can_be_started_again(method: BlockingMethod) -> None:
    runner = LayoutRunner()
    runner.start(key(), FEATURES)
    assert method.half.wait(30)
    runner.cancel(key())
    cancelled = runner.state(key())
    assert cancelled is not None
    assert cancelled.status == "cancelled"
    wait_until(lambda: method.running == 0)
    runner.start(key(), FEATURES)
    method.finish.set()
    assert wait_for_end(runner, key()).status == "done"
    assert method.started == 2


def test_a_cancelled_run_does_not_change_the_next_run(method: BlockingMethod) -> None:
    """Cancelled and started again before the first run has stopped."""
    runner = LayoutRunner()
    runner.start(key(), FEATURES)
    assert method.half.wait(30)
    runner.cancel(key())
    runner.start(key(), FEATURES)
    wait_until(lambda: method.started == 2)
    method.finish.set()
    assert wait_for_end(runner, key()).status == "done"


@pytest.mark.usefixtures("method")
def test_all_active_layouts_can_be_cancelled() -> None:
    runner = LayoutRunner()
    for name in ("first", "second"):
        runner.start(key(name), FEATURES)
    runner.cancel_all()
    for name in ("first", "second"):
        assert wait_for_end(runner, key(name)).status == "cancelled"


def test_cancelling_an_unknown_layout_does_nothing() -> None:
    runner = LayoutRunner()
    runner.cancel(key("unknown"))
    assert runner.state(key("unknown")) is None


def test_a_finished_layout_cannot_be_cancelled(method: BlockingMethod) -> None:
    runner = LayoutRunner()
    method.finish.set()
    runner.start(key(), FEATURES)
    assert wait_for_end(runner, key()).status == "done"
    runner.cancel(key())
    assert wait_for_end(runner, key()).status == "done"


def test_after_a_failure_the_next_layout_runs(method: BlockingMethod) -> None:
    runner = LayoutRunner()
    method.error = ZeroDivisionError("by zero")
    method.finish.set()
    runner.start(key(), FEATURES)
    failed = wait_for_end(runner, key())
    assert failed.status == "failed"
    assert failed.sentence == "The layout met an unexpected error (ZeroDivisionError)."
    method.error = None
    runner.start(key(), FEATURES)
    assert wait_for_end(runner, key()).status == "done"


def test_the_most_recently_used_layouts_are_kept(method: BlockingMethod) -> None:
    runner = LayoutRunner(kept=2)
    method.finish.set()
    for name in ("first", "second"):
        runner.start(key(name), FEATURES)
        wait_for_end(runner, key(name))
    assert runner.state(key("first")) is not None
    runner.start(key("third"), FEATURES)
    wait_for_end(runner, key("third"))
    kept = [name for name in ("first", "second", "third") if runner.state(key(name))]
    assert kept == ["first", "third"]


def test_t_sne_in_the_background_equals_a_direct_call() -> None:
    runner = LayoutRunner()
    tsne_key = LayoutKey("net", "tsne", len(FEATURES), 1)
    runner.start(tsne_key, FEATURES)
    *_, last = tsne(FEATURES, seed=1)
    points = wait_for_end(runner, tsne_key).points_N2
    assert points is not None
    assert np.array_equal(points, last.points_N2)
