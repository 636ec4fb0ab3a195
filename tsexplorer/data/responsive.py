"""Waiting for something slow without getting deaf to a cancel."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from queue import Empty, Full, Queue
from typing import TypeVar

from tsexplorer.errors import Cancelled

Item = TypeVar("Item")
POLL_SECONDS = 0.1
AHEAD = 8


class _End:
    """Stands behind the last item; carries what the source raised, if it did."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error


def responsive(
    source: Generator[Item, None, None], cancelled: Callable[[], bool]
) -> Iterator[Item]:
    """The items of ``source``, which may block for long, with an ear for ``cancelled``.

    The source runs in a thread of its own (a read from a silent server cannot be interrupted) and
    is left behind when the caller turns away; it then ends at its next item or its own timeout.

    Args:
        source: closed in its thread at the end.
        cancelled: asked before each item and every 0.1 s while there is none.

    Raises:
        Cancelled: ``cancelled`` said so.
        Exception: whatever the source raised.
    """
    box: Queue[Item | _End] = Queue(maxsize=AHEAD)
    left = threading.Event()
    threading.Thread(target=_produce, args=(source, box, left), daemon=True).start()
    try:
        while True:
            if cancelled():
                raise Cancelled
            try:
                item = box.get(timeout=POLL_SECONDS)
            except Empty:
                continue
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        left.set()


def _produce(
    source: Generator[Item, None, None], box: Queue[Item | _End], left: threading.Event
) -> None:
    end = _End()
    try:
        with closing(source):
            for item in source:
                if not _put(item, box, left):
                    return
    except Exception as error:  # handed to the thread that asked
        end = _End(error)
    _put(end, box, left)


def _put(item: Item | _End, box: Queue[Item | _End], left: threading.Event) -> bool:
    """Whether the item found its place before the caller turned away."""
    while not left.is_set():
        try:
            box.put(item, timeout=POLL_SECONDS)
        except Full:
            continue
        return True
    return False
