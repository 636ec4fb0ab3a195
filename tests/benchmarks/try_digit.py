"""How long the server takes from a picture to the answers of three nets, alone and beside a job.

The whole script of the page Try a digit is timed, in one process with the trainer, as in the app:
decoding, all steps to net inputs, three nets, figures, the strip of steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from statistics import median
from time import monotonic, perf_counter, sleep
from unittest.mock import patch

import numpy as np
from streamlit.logger import set_log_level
from streamlit.testing.v1 import AppTest

from tests.benchmarks.base import Benchmark, BenchmarkError, Finding, Target, say, use_cores
from tests.benchmarks.machinery import service
from tests.benchmarks.pages import p95
from tests.browser.server import ROOT
from tests.digits.made import photo
from tests.digits.made_strokes import drawn, fitted
from tsexplorer.data.digits import Stroke
from tsexplorer.recipes import get_recipe
from tsexplorer.services.service import Service
from tsexplorer.ui import app_state
from tsexplorer.ui.pad import SIDE, Drawing

PHOTO_SIDE = (3024, 4032)
PHOTOS = 6
BRUSH = 18.0
SEEDS = 20
PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.3
Send = Callable[[AppTest, int], AppTest]


def uploads() -> Send:
    """Photos of 12 megapixels, one after the other, as JPEG."""
    contents = [photo(digit, seed=7, side=PHOTO_SIDE) for digit in range(PHOTOS)]

    def send(page: AppTest, number: int) -> AppTest:
        file = (f"{number}.jpg", contents[number % PHOTOS], "image/jpeg")
        return page.file_uploader(key="digit_files").set_value([file])  # type: ignore[return-value]

    return send


def drawings() -> Send:
    """Ten digits, drawn on the pad."""
    random = np.random.default_rng(8)
    figures = []
    for digit in range(10):
        lines = [SIDE * (0.7 * line + 0.5) for line in fitted(drawn(digit, random))]
        figures.append(tuple(Stroke(tuple(map(tuple, line.tolist())), BRUSH) for line in lines))

    def send(page: AppTest, number: int) -> AppTest:
        page.session_state["_drawing_pad"] = Drawing(figures[number % 10], number + 1)
        return page

    return send


def run(source: str, make: Callable[[], Send], busy: bool, count: int) -> Finding:
    """Send so many pictures to a page that has answered once before."""
    send, waits = make(), []
    set_log_level("error")  # Streamlit misses a browser, and says so at each run
    with service(use_cores()) as app, patch.object(app_state, "_service", lambda: app):
        page = AppTest.from_file(str(ROOT / "pages" / "try_digit.py"))
        page.default_timeout = PATIENCE_SECONDS
        page.query_params["source"] = source
        page.run()
        with job(app) if busy else nothing():
            for number in range(-2, count):
                sleep(PAUSE_SECONDS)
                began = perf_counter()
                with app.page_priority.visit():
                    send(page, number + 2).run()
                waits.append(perf_counter() - began)
                check(page)
            if busy and not at_work(app):
                raise BenchmarkError("The job was over before the last picture.")
    timed = waits[2:]  # the first ones load what later ones find loaded
    say(", ".join(f"{1000 * wait:.0f} ms" for wait in timed))
    return Finding(
        p95(timed),
        min(timed),
        max(timed),
        len(timed),
        {"figure": "p95", "median": f"{1000 * median(timed):.0f} ms"},
    )


def check(page: AppTest) -> None:
    """Hold the page to three answers.

    Raises:
        BenchmarkError: it has others.
    """
    answers = [one for one in page.metric if one.label.startswith(":")]
    if page.exception or len(answers) < 3:
        said = [one.value for one in (*page.exception, *page.error, *page.info)]
        raise BenchmarkError(f"A picture was not answered: {said}")


@contextmanager
def job(app: Service) -> Iterator[None]:
    """``quick`` at work, with more seeds than it can get through."""
    spec = get_recipe("quick").spec
    started = app.start(spec.model_copy(update={"seeds": tuple(range(SEEDS))}))
    until = monotonic() + PATIENCE_SECONDS
    while not at_work(app):
        if monotonic() > until:
            raise BenchmarkError("Nothing began to train.")
        sleep(PAUSE_SECONDS)
    try:
        yield
    finally:
        app.cancel(started.id)


@contextmanager
def nothing() -> Iterator[None]:
    """No job."""
    yield


def at_work(app: Service) -> bool:
    """Whether a net is being trained."""
    jobs = app.jobs(active_only=True)
    return any(app.progress(one).progress is not None for one in jobs if one.status == "running")


def _benchmark(
    name: str, title: str, way: tuple[str, Callable[[], Send]], target: float, *, busy: bool
) -> Benchmark:
    return Benchmark(
        name=f"{name}-busy" if busy else name,
        title=f"{title}{' while a job trains' if busy else ''}: from its bytes to three answers",
        unit="s",
        target=Target(target, at_least=False),
        count=30,
        run=partial(run, *way, busy),
    )


UPLOAD, DRAWING = ("upload", uploads), ("draw", drawings)
BENCHMARK = (
    _benchmark("digit-upload", "a 12-megapixel JPEG", UPLOAD, 0.2, busy=False),
    _benchmark("digit-upload", "a 12-megapixel JPEG", UPLOAD, 0.5, busy=True),
    _benchmark("digit-drawing", "a drawing", DRAWING, 0.1, busy=False),
    _benchmark("digit-drawing", "a drawing", DRAWING, 0.5, busy=True),
)
