"""Layouts in the background: watched, cancelled, kept, one at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from tests.jobs.jobs_examples import wait_until
from tsexplorer.analysis import embedding as module
from tsexplorer.analysis.embedding import Layout, LayoutKey, Layouts, Sight, tsne
from tsexplorer.analysis.soft_targets import Logits

FEATURES = np.random.default_rng(0).normal(size=(40, 5))


def key(answers: str = "net", seed: int = 0) -> LayoutKey:
    return LayoutKey(answers, "slow", len(FEATURES), seed)


class Slow:
    """A method that comes to its half, and then waits to be told to go on."""

    def __init__(self) -> None:
        self.half, self.go_on = threading.Event(), threading.Event()
        self.begun, self.at_work, self.most = 0, 0, 0
        self.error: Exception | None = None

    def __call__(self, x_NF: Logits, seed: int) -> Iterator[Sight]:
        self.begun += 1
        self.at_work += 1
        self.most = max(self.most, self.at_work)
        try:
            yield Sight(0.5, np.zeros((len(x_NF), 2), np.float32))
            self.half.set()
            while not self.go_on.wait(0.002):
                yield Sight(0.5, np.zeros((len(x_NF), 2), np.float32))
            if self.error is not None:
                raise self.error
            yield Sight(1.0, np.full((len(x_NF), 2), seed, np.float32))
        finally:
            self.at_work -= 1


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    method = Slow()
    monkeypatch.setitem(module.METHODS, "slow", method)
    yield method
    method.go_on.set()


def ended(layouts: Layouts, one: LayoutKey) -> Layout:
    return wait_until(lambda: (s := layouts.state(one)) and not s.under_way and s)


def test_a_layout_is_watched_to_its_end(slow: Slow) -> None:
    layouts = Layouts()
    assert layouts.state(key()) is None
    layouts.start(key(seed=3), FEATURES)
    assert slow.half.wait(30)
    state = layouts.state(key(seed=3))
    assert state is not None
    assert (state.status, state.share, state.points_N2) == ("running", 0.5, None)
    slow.go_on.set()
    done = ended(layouts, key(seed=3))
    assert (done.status, done.share) == ("done", 1.0)
    assert done.points_N2 is not None
    assert (done.points_N2 == 3).all()


def test_what_is_done_or_under_way_is_not_begun_again(slow: Slow) -> None:
    layouts = Layouts()
    for _ in range(3):
        layouts.start(key(), FEATURES)
    slow.go_on.set()
    done = ended(layouts, key())
    layouts.start(key(), FEATURES)
    assert layouts.state(key()) is done
    assert slow.begun == 1


def test_they_take_turns(slow: Slow) -> None:
    layouts = Layouts()
    layouts.start(key("one"), FEATURES)
    assert slow.half.wait(30)
    layouts.start(key("other"), FEATURES)
    waiting = layouts.state(key("other"))
    assert waiting is not None
    assert (waiting.status, waiting.share) == ("waiting", 0.0)
    slow.go_on.set()
    assert [ended(layouts, key(name)).status for name in ("one", "other")] == ["done", "done"]
    assert (slow.begun, slow.most) == (2, 1)


def test_a_cancelled_one_ends_and_can_be_begun_again_at_once(slow: Slow) -> None:
    layouts = Layouts()
    layouts.start(key(), FEATURES)
    assert slow.half.wait(30)
    layouts.cancel(key())
    state = layouts.state(key())
    assert state is not None
    assert state.status == "cancelled"
    wait_until(lambda: slow.at_work == 0)
    layouts.start(key(), FEATURES)
    slow.go_on.set()
    assert ended(layouts, key()).status == "done"
    assert slow.begun == 2


def test_an_old_run_does_not_speak_for_the_new_one(slow: Slow) -> None:
    """Cancelled and begun again before the first run has noticed."""
    layouts = Layouts()
    layouts.start(key(), FEATURES)
    assert slow.half.wait(30)
    layouts.cancel(key())
    layouts.start(key(), FEATURES)
    wait_until(lambda: slow.begun == 2)
    slow.go_on.set()
    assert ended(layouts, key()).status == "done"


def test_all_are_cancelled_at_once(slow: Slow) -> None:
    layouts = Layouts()
    for name in ("one", "other"):
        layouts.start(key(name), FEATURES)
    layouts.cancel_all()
    assert [ended(layouts, key(name)).status for name in ("one", "other")] == ["cancelled"] * 2
    layouts.cancel(key("never begun"))
    assert layouts.state(key("never begun")) is None


def test_what_is_done_is_not_undone_by_a_late_cancel(slow: Slow) -> None:
    layouts = Layouts()
    slow.go_on.set()
    layouts.start(key(), FEATURES)
    assert ended(layouts, key()).status == "done"
    layouts.cancel(key())
    assert ended(layouts, key()).status == "done"


def test_a_failure_is_one_sentence_and_the_next_has_its_turn(slow: Slow) -> None:
    layouts = Layouts()
    slow.error = ZeroDivisionError("by zero")
    slow.go_on.set()
    layouts.start(key(), FEATURES)
    failed = ended(layouts, key())
    assert failed.status == "failed"
    assert failed.sentence == "The layout met an unexpected error (ZeroDivisionError)."
    slow.error = None
    layouts.start(key(), FEATURES)
    assert ended(layouts, key()).status == "done"


def test_those_looked_at_last_are_kept(slow: Slow) -> None:
    layouts = Layouts(kept=2)
    slow.go_on.set()
    for name in ("first", "second"):
        layouts.start(key(name), FEATURES)
        ended(layouts, key(name))
    assert layouts.state(key("first")) is not None
    layouts.start(key("third"), FEATURES)
    ended(layouts, key("third"))
    left = [name for name in ("first", "second", "third") if layouts.state(key(name))]
    assert left == ["first", "third"]


def test_t_sne_comes_out_as_if_it_had_been_asked_directly() -> None:
    layouts = Layouts()
    one = LayoutKey("net", "tsne", len(FEATURES), 1)
    layouts.start(one, FEATURES)
    *_, last = tsne(FEATURES, seed=1)
    found = ended(layouts, one).points_N2
    assert found is not None
    assert np.array_equal(found, last.points_N2)
