"""One core for work that runs beside a trainer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_turn = threading.Lock()


@contextmanager
def one_thread() -> Iterator[None]:
    """One core for the calling thread's torch work, then as many as it had.

    torch also hands the number set last to every thread that first uses it afterwards. So it is
    put back, and callers take turns: none takes another's 1 for the number it had.
    """
    with _turn:
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)
