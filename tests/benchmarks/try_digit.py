"""Time from a picture to the answers of three nets on the server, with and without a training job.

The script of the page Try an image is timed, in one process with the trainer, as in the app:
decoding, all steps to net inputs, three nets, figures and the images of the steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from statistics import median
from time import monotonic, perf_counter, sleep
from unittest.mock import patch

import numpy as np
from streamlit.logger import set_log_level
from streamlit.testing.v1 import AppTest

from tests.benchmarks.base import (
    Benchmark,
    BenchmarkError,
    BenchmarkResult,
    Target,
    print_progress,
    set_threads,
)
from tests.benchmarks.machinery import open_service
from tests.benchmarks.pages import p95
from tests.browser.server import ROOT
from tests.imaging.synthetic import photo
from tests.imaging.synthetic_strokes import digit_polylines, scale_to_unit
from tsexplorer.imaging import Stroke
from tsexplorer.recipes import get_recipe
from tsexplorer.services.service import Service
from tsexplorer.ui import app_state
from tsexplorer.ui.pad import SIDE, Drawing, drawing_key

PHOTO_SIDE = (3024, 4032)
PHOTOS = 6
BRUSH = 18.0
SEEDS = 20
PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.3
Send = Callable[[AppTest, int], AppTest]


def uploads() -> Send:
    """Upload photos of 12 megapixels as JPEG."""
    contents = [photo(digit, seed=7, side=PHOTO_SIDE) for digit in range(PHOTOS)]

    def send(page: AppTest, number: int) -> AppTest:
        file = (f"{number}.jpg", contents[number % PHOTOS], "image/jpeg")
        return page.file_uploader(key="digit_files").set_value([file])  # type: ignore[return-value]

    return send


def drawings() -> Send:
    """Draw the ten digits on the pad."""
    random = np.random.default_rng(8)
    drawings = []
    for digit in range(10):
        lines = [
            SIDE * (0.7 * line + 0.5) for line in scale_to_unit(digit_polylines(digit, random))
        ]
        drawings.append(tuple(Stroke(tuple(map(tuple, line.tolist())), BRUSH) for line in lines))

    def send(page: AppTest, number: int) -> AppTest:
        page.session_state[drawing_key("pad")] = Drawing(drawings[number % 10], number + 1)
        return page

    return send


def run(source: str, make: Callable[[], Send], busy: bool, count: int) -> BenchmarkResult:
    """Send this many pictures to a page after two that are not counted."""
    send, waits = make(), []
    set_log_level("error")  # Streamlit warns at each run that there is no browser
    with open_service(set_threads()) as app, patch.object(app_state, "open_service", lambda: app):
        page = AppTest.from_file(str(ROOT / "pages" / "try_digit.py"))
        page.default_timeout = PATIENCE_SECONDS
        page.query_params["source"] = source
        page.run()
        with running_job(app) if busy else nullcontext():
            for number in range(-2, count):
                sleep(PAUSE_SECONDS)
                began = perf_counter()
                with app.page_priority.drawing_page():
                    send(page, number + 2).run()
                waits.append(perf_counter() - began)
                check(page)
            if busy and not is_training(app):
                raise BenchmarkError("The job ended before the last picture.")
    timed = waits[2:]  # the first two load models and code
    print_progress(", ".join(f"{1000 * wait:.0f} ms" for wait in timed))
    return BenchmarkResult(
        p95(timed),
        min(timed),
        max(timed),
        len(timed),
        {"figure": "p95", "median": f"{1000 * median(timed):.0f} ms"},
    )


def check(page: AppTest) -> None:
    """Check that the page shows three answers.

    Raises:
        BenchmarkError: it does not.
    """
    answers = [metric for metric in page.metric if metric.label.startswith(":")]
    if page.exception or len(answers) < 3:
        messages = [element.value for element in (*page.exception, *page.error, *page.info)]
        raise BenchmarkError(f"A picture was not classified: {messages}")


@contextmanager
def running_job(app: Service) -> Iterator[None]:
    """``quick`` in training, with enough seeds to last."""
    spec = get_recipe("quick").spec
    started = app.start(spec.model_copy(update={"seeds": tuple(range(SEEDS))}))
    until = monotonic() + PATIENCE_SECONDS
    while not is_training(app):
        if monotonic() > until:
            raise BenchmarkError("No training started.")
        sleep(PAUSE_SECONDS)
    try:
        yield
    finally:
        app.cancel(started.id)


def is_training(app: Service) -> bool:
    """Whether a net is in training."""
    jobs = app.jobs(active_only=True)
    running = [job for job in jobs if job.status == "running"]
    return any(app.progress(job).progress is not None for job in running)


def _benchmark(
    name: str, title: str, source: tuple[str, Callable[[], Send]], target: float, *, busy: bool
) -> Benchmark:
    return Benchmark(
        name=f"{name}-busy" if busy else name,
        title=f"{title}{' while a job trains' if busy else ''}: from its bytes to three answers",
        unit="s",
        target=Target(target, at_least=False),
        count=30,
        run=partial(run, *source, busy),
    )


UPLOAD, DRAWING = ("upload", uploads), ("draw", drawings)
BENCHMARK = (
    _benchmark("digit-upload", "a 12-megapixel JPEG", UPLOAD, 0.2, busy=False),
    _benchmark("digit-upload", "a 12-megapixel JPEG", UPLOAD, 0.5, busy=True),
    _benchmark("digit-drawing", "a drawing", DRAWING, 0.1, busy=False),
    _benchmark("digit-drawing", "a drawing", DRAWING, 0.5, busy=True),
)
