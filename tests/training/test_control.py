"""Pause, resume, step and cancel from any thread; training waits for pages."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.training.training_examples import (
    EventRecorder,
    assert_equal_weights,
    make_stage,
    make_task,
    train_stage,
)
from tsexplorer.errors import Cancelled
from tsexplorer.training import checkpoints, events
from tsexplorer.training.control import Control, PagePriority
from tsexplorer.training.loop import train

TIMEOUT = 20.0
"""Seconds after which a hanging thread fails its test."""


class CheckingThread(threading.Thread):
    """Checks again and again, as a training run does, and counts its checks."""

    def __init__(self, control: Control) -> None:
        super().__init__(daemon=True)
        self.control = control
        self.checks, self.waited, self.cancelled = 0, 0.0, False
        self._checked = threading.Condition()
        self.start()

    def run(self) -> None:
        try:
            while True:
                self.waited += self.control.check()
                with self._checked:
                    self.checks += 1
                    self._checked.notify_all()
                time.sleep(0.001)
        except Cancelled:
            self.cancelled = True

    def is_running(self) -> bool:
        with self._checked:
            before = self.checks
            return self._checked.wait_for(lambda: self.checks > before + 3, TIMEOUT)

    def is_waiting(self, seconds: float = 0.1) -> bool:
        with self._checked:
            before = self.checks + 1  # one check may be in progress
            return not self._checked.wait_for(lambda: self.checks > before, seconds)


@pytest.fixture
def loop() -> Iterator[CheckingThread]:
    thread = CheckingThread(Control())
    yield thread
    thread.control.cancel()
    thread.join(TIMEOUT)
    assert not thread.is_alive()


def test_new_control_does_not_wait():
    control = Control()
    assert control.check() == 0.0
    assert not control.paused
    assert not control.cancelled


def test_pause_stops_and_resume_continues(loop):
    assert loop.is_running()
    loop.control.pause()
    assert loop.is_waiting()
    assert loop.control.paused
    loop.control.resume()
    assert loop.is_running()
    assert not loop.control.paused
    assert loop.waited >= 0.05


def test_cancel_ends_a_paused_run(loop):
    loop.control.pause()
    assert loop.is_waiting()
    loop.control.cancel()
    loop.join(TIMEOUT)
    assert loop.cancelled


def test_cancel_before_the_first_check():
    control = Control()
    control.cancel()
    with pytest.raises(Cancelled):
        control.check()


def test_no_call_undoes_a_cancel():
    control = Control()
    control.cancel()
    for method in (control.resume, control.step, control.pause):
        method()
        with pytest.raises(Cancelled):
            control.check()


def test_pause_and_resume_before_a_check_do_not_wait():
    control = Control()
    control.pause()
    control.resume()
    assert control.check() == 0.0


def test_step_runs_until_the_epoch_ends(loop):
    loop.control.pause()
    assert loop.is_waiting()
    loop.control.step()
    assert loop.is_running()
    loop.control.epoch_ended()
    assert loop.is_waiting()
    assert loop.control.paused


def test_only_a_step_pauses_at_the_end_of_an_epoch(loop):
    loop.control.epoch_ended()
    assert loop.is_running()
    loop.control.step()
    loop.control.resume()
    loop.control.epoch_ended()
    assert loop.is_running()


# -- in a training run --------------------------------------------------------------------------


def start_training(control: Control, listener: events.Listener, folder: Path) -> threading.Thread:
    def work() -> None:
        train(make_task(make_stage(epochs=4)), folder, listener, control)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_steps_are_single_epochs_with_the_same_weights(tmp_path):
    control, written = Control(), threading.Semaphore(0)

    def act(event: events.Event) -> None:
        if isinstance(event, events.CheckpointWritten):
            written.release()

    recorder = EventRecorder(act)
    control.pause()
    thread = start_training(control, recorder, tmp_path / "stepped")
    for epoch in (1, 2, 3):
        assert not recorder.of(events.EpochEnded)[epoch - 1 :]
        control.step()
        assert written.acquire(timeout=TIMEOUT)
        wait_until(lambda: control.paused)
        epochs = [event.epoch for event in recorder.of(events.EpochEnded)]
        assert epochs == list(range(1, epoch + 1))
    control.resume()
    thread.join(TIMEOUT)
    stepped = checkpoints.read(tmp_path / "stepped" / checkpoints.WEIGHTS)[0]
    assert_equal_weights(stepped, train_stage(make_stage(epochs=4), tmp_path / "whole"))


def test_step_over_the_last_epoch_pauses_in_the_next_stage(tmp_path):
    control = Control()
    control.step()
    train(make_task(make_stage(epochs=1)), tmp_path, EventRecorder(), control)
    assert not control.paused
    control.epoch_ended()
    assert control.paused


class FakeClock:
    """Replaces the module ``time``: each call takes 10 ms, and a pause an hour."""

    HOUR = 3600.0

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        self.now += 0.01
        return self.now

    def pause(self) -> float:
        self.now += self.HOUR
        return self.HOUR


def test_reported_times_do_not_count_pauses(tmp_path, monkeypatch):
    control, clock = Control(), FakeClock()
    checks = iter(range(10**6))
    monkeypatch.setattr(control, "check", lambda: clock.pause() if next(checks) == 2 else 0.0)
    monkeypatch.setattr("tsexplorer.training.progress.time", clock)
    recorder = EventRecorder()
    ended = train(make_task(make_stage(epochs=2)), tmp_path, recorder, control)
    assert clock.now > 1000 + clock.HOUR
    assert [event.seconds < 60 for event in recorder.of(events.EpochEnded)] == [True, True]
    assert 0 < ended.train_seconds < 60
    assert all(event.seconds < 60 for event in recorder.of(events.Progress))


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


class TestPagePriority:
    """Training waits while a page is drawn, but gets half of the time."""

    TICK = 0.05
    MAX_WAIT = 4 * TICK

    @pytest.fixture(autouse=True)
    def short_wait(self, monkeypatch):
        monkeypatch.setattr("tsexplorer.training.control.MAX_WAIT_SECONDS", self.MAX_WAIT)

    def test_without_a_page_there_is_no_wait(self):
        assert Control(PagePriority()).check() == 0.0

    def test_training_continues_when_the_page_is_drawn(self):
        page_priority = PagePriority()
        started, drawn = threading.Event(), threading.Event()

        def draw() -> None:
            with page_priority.drawing_page():
                started.set()
                time.sleep(self.TICK)
                drawn.set()

        page = threading.Thread(target=draw)
        page.start()
        started.wait()
        waited = Control(page_priority).check()
        assert drawn.is_set()
        assert 0 < waited < self.MAX_WAIT
        page.join()

    def test_wait_for_a_slow_page_is_bounded(self):
        page_priority = PagePriority()
        with page_priority.drawing_page():
            waited = page_priority.yield_to_page()
        assert waited == pytest.approx(self.MAX_WAIT, abs=2 * self.TICK)

    def test_many_pages_leave_half_of_the_time_to_training(self):
        page_priority = PagePriority()
        with page_priority.drawing_page():
            waited = page_priority.yield_to_page()
            with page_priority.drawing_page():
                assert page_priority.yield_to_page() == 0.0
                time.sleep(waited)
                assert page_priority.yield_to_page() > 0.0

    def test_a_page_that_fails_ends_the_wait(self):
        page_priority = PagePriority()
        with pytest.raises(RuntimeError), page_priority.drawing_page():
            raise RuntimeError
        assert page_priority.yield_to_page() == 0.0
