"""Inference latency of a net for one image, and one CPU core for work beside a training."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from tsexplorer.data.base import ImageTask
from tsexplorer.models import build
from tsexplorer.specs import ModelSpec

WARM_UP = 10
BUDGET_SECONDS = 0.25
MIN_REPEATS = 10
MAX_REPEATS = 200


@dataclass(frozen=True)
class Latency:
    """Milliseconds for one image on one CPU thread, fp32.

    Attributes:
        median: over all repeats.
        low: 10th percentile.
        high: 90th percentile.
        repeats: number of timed repeats, after the warm-up.
    """

    median: float
    low: float
    high: float
    repeats: int


@torch.inference_mode()
def measure_latency(model: ModelSpec, task: ImageTask) -> Latency:
    """Time a net's forward pass on one image.

    Builds a new net, since its weights do not change the time. Runs under :func:`one_thread`.
    """
    with one_thread():
        net = build(model, task, seed=0).eval()
        image = torch.zeros(1, *task.image_shape)
        for _ in range(WARM_UP):
            net(image)
        times: list[float] = []
        deadline = time.perf_counter() + BUDGET_SECONDS
        while len(times) < MIN_REPEATS or (
            len(times) < MAX_REPEATS and time.perf_counter() < deadline
        ):
            start = time.perf_counter()
            net(image)
            times.append((time.perf_counter() - start) * 1000)
    times.sort()
    n = len(times)
    return Latency(times[n // 2], times[n // 10], times[(9 * n) // 10], n)


_one_thread_lock = threading.Lock()


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit torch to one CPU core, so that a training beside it keeps the others.

    One caller at a time; a second caller waits. torch gives the number of threads that was set last
    to every thread that uses it for the first time. The lock keeps a caller from reading another
    caller's 1 as the number to restore.
    """
    with _one_thread_lock:
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)
