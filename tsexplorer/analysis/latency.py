"""How long a net takes for one image, measured warm.

One core for work that runs beside a trainer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from tsexplorer.models import build
from tsexplorer.specs import ModelSpec

WARM_UP = 10
BUDGET_SECONDS = 0.25
MOST = 200
FEWEST = 10


@dataclass(frozen=True)
class Latency:
    """Milliseconds for one image on one processor thread, fp32.

    Attributes:
        median: of all repeats.
        low: 10th percentile.
        high: 90th percentile.
        repeats: how many were timed after the warm-up.
    """

    median: float
    low: float
    high: float
    repeats: int


@torch.inference_mode()
def measure(model: ModelSpec, classes: int) -> Latency:
    """Time a net's forward pass on one 28x28 image.

    The weights do not matter to the time, so the net is built afresh. While it is timed, the
    calling thread has one core: a trainer beside it keeps the others. One net is asked or timed at
    a time; a second caller waits.
    """
    with one_thread():
        net = build(model, classes, seed=0).eval()
        image = torch.zeros(1, 1, 28, 28)
        for _ in range(WARM_UP):
            net(image)
        times: list[float] = []
        over = time.perf_counter() + BUDGET_SECONDS
        while len(times) < FEWEST or (len(times) < MOST and time.perf_counter() < over):
            began = time.perf_counter()
            net(image)
            times.append((time.perf_counter() - began) * 1000)
    times.sort()
    n = len(times)
    return Latency(times[n // 2], times[n // 10], times[(9 * n) // 10], n)


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
