"""A slow source is waited for, and left when asked."""

from __future__ import annotations

import threading
import time

import pytest

from tsexplorer.data.download import iterate_cancellable
from tsexplorer.errors import Cancelled


def test_items_come_in_order_and_end(never):
    assert list(iterate_cancellable((number for number in range(50)), never)) == list(range(50))


def test_what_the_source_raises_arrives_after_its_items(never):
    def source():
        yield 1
        raise ConnectionError("gone")

    seen = []
    with pytest.raises(ConnectionError, match="gone"):
        seen.extend(iterate_cancellable(source(), never))
    items = iterate_cancellable(source(), never)
    assert next(items) == 1


def test_cancel_does_not_wait_for_the_source():
    release, closed = threading.Event(), threading.Event()

    def source():
        try:
            yield 1
            release.wait(5)
            yield 2
        finally:
            closed.set()

    cancel = threading.Event()
    items = iterate_cancellable(source(), cancel.is_set)
    assert next(items) == 1
    threading.Timer(0.05, cancel.set).start()
    start = time.monotonic()
    with pytest.raises(Cancelled):
        next(items)
    assert time.monotonic() - start < 0.4
    release.set()
    assert closed.wait(2), "the source is closed once it stirs"


def test_a_caller_that_turns_away_stops_the_source(never):
    closed = threading.Event()

    def source():
        try:
            while True:
                yield 1
        finally:
            closed.set()

    items = iterate_cancellable(source(), never)
    assert next(items) == 1
    items.close()
    assert closed.wait(2)
