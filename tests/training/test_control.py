"""Pause, resume, step and cancel, from any thread, held or not."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tests.training.training_examples import Heard, assert_same, made, run, stage
from tsexplorer.errors import Cancelled
from tsexplorer.training import checkpoints, events
from tsexplorer.training.control import Control
from tsexplorer.training.loop import train

PATIENCE = 20.0
"""Seconds after which a thread that hangs fails a test; none of them waits for it."""


class Loop(threading.Thread):
    """Checks again and again, as a run does, and counts."""

    def __init__(self, control: Control) -> None:
        super().__init__(daemon=True)
        self.control = control
        self.checks, self.held, self.cancelled = 0, 0.0, False
        self._moved = threading.Condition()
        self.start()

    def run(self) -> None:
        try:
            while True:
                self.held += self.control.check()
                with self._moved:
                    self.checks += 1
                    self._moved.notify_all()
                time.sleep(0.001)
        except Cancelled:
            self.cancelled = True

    def goes_on(self) -> bool:
        with self._moved:
            seen = self.checks
            return self._moved.wait_for(lambda: self.checks > seen + 3, PATIENCE)

    def stands(self, seconds: float = 0.1) -> bool:
        with self._moved:
            seen = self.checks + 1  # one may be under way
            return not self._moved.wait_for(lambda: self.checks > seen, seconds)


@pytest.fixture
def loop():
    one = Loop(Control())
    yield one
    one.control.cancel()
    one.join(PATIENCE)
    assert not one.is_alive()


def test_untouched_control_holds_nothing():
    control = Control()
    assert control.check() == 0.0
    assert not control.paused
    assert not control.cancelled


def test_pause_holds_and_resume_lets_go(loop):
    assert loop.goes_on()
    loop.control.pause()
    assert loop.stands()
    assert loop.control.paused
    loop.control.resume()
    assert loop.goes_on()
    assert not loop.control.paused
    assert loop.held >= 0.05


def test_cancel_ends_a_run_that_is_held(loop):
    loop.control.pause()
    assert loop.stands()
    loop.control.cancel()
    loop.join(PATIENCE)
    assert loop.cancelled


def test_cancel_before_the_run_begins():
    control = Control()
    control.cancel()
    with pytest.raises(Cancelled):
        control.check()


def test_nothing_takes_back_a_cancel():
    control = Control()
    control.cancel()
    for turn in (control.resume, control.step, control.pause):
        turn()
        with pytest.raises(Cancelled):
            control.check()


def test_pause_that_is_taken_back_at_once_holds_nothing():
    control = Control()
    control.pause()
    control.resume()
    assert control.check() == 0.0


def test_step_lets_go_until_the_epoch_ends(loop):
    loop.control.pause()
    assert loop.stands()
    loop.control.step()
    assert loop.goes_on()
    loop.control.epoch_ended()
    assert loop.stands()
    assert loop.control.paused


def test_only_a_step_ends_with_the_epoch(loop):
    loop.control.epoch_ended()
    assert loop.goes_on()
    loop.control.step()
    loop.control.resume()
    loop.control.epoch_ended()
    assert loop.goes_on()


# -- in a run -----------------------------------------------------------------------------------


def trainer(control: Control, heard: Heard, folder: Path) -> threading.Thread:
    def work() -> None:
        try:
            train(made(stage(epochs=4)), folder, heard, control)
        except Cancelled:
            heard(Over("over"))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


class Over(events.Event):
    """The run was cancelled."""


def test_step_by_step_through_a_stage(tmp_path):
    """Each step is one epoch, neither less nor more, and the weights are those of one go."""
    control, ended = Control(), threading.Semaphore(0)

    def act(event: events.Event) -> None:
        if isinstance(event, events.CheckpointWritten):
            ended.release()

    heard = Heard(act)
    control.pause()
    thread = trainer(control, heard, tmp_path / "stepped")
    for epoch in (1, 2, 3):
        assert not heard.of(events.EpochEnded)[epoch - 1 :]
        control.step()
        assert ended.acquire(timeout=PATIENCE)
        wait_until(lambda: control.paused)
        assert [event.epoch for event in heard.of(events.EpochEnded)] == list(range(1, epoch + 1))
    control.resume()
    thread.join(PATIENCE)
    stepped = checkpoints.read(tmp_path / "stepped" / checkpoints.WEIGHTS)[0]
    assert_same(stepped, run(stage(epochs=4), tmp_path / "at once"))


def test_step_that_ends_the_stage_is_left_for_the_next(tmp_path):
    control = Control()
    control.step()
    train(made(stage(epochs=1)), tmp_path, Heard(), control)
    assert not control.paused
    control.epoch_ended()
    assert control.paused


def test_time_held_is_not_time_spent(tmp_path, monkeypatch):
    """An epoch in whose midst a run is held an hour takes as long as ever."""
    control = Control()
    hour = 3600.0
    calls = iter(range(10**6))
    monkeypatch.setattr(control, "check", lambda: hour if next(calls) == 2 else 0.0)
    clock = {"now": 1000.0}

    class Time:
        @staticmethod
        def monotonic() -> float:
            clock["now"] += 0.01 + (hour if clock.pop("held", None) else 0)
            return clock["now"]

    real = control.check

    def check() -> float:
        held = real()
        if held:
            clock["held"] = True
        return held

    monkeypatch.setattr(control, "check", check)
    monkeypatch.setattr("tsexplorer.training.progress.time", Time)
    heard = Heard()
    ended = train(made(stage(epochs=2)), tmp_path, heard, control)
    assert [event.seconds < 60 for event in heard.of(events.EpochEnded)] == [True, True]
    assert 0 < ended.train_seconds < 60
    assert all(event.seconds < 60 for event in heard.of(events.Progress))


def wait_until(condition) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)
