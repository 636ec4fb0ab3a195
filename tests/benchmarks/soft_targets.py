"""Time of a change of the image or T on the page Soft targets, with and without a training job.

With the test split of MNIST if ``TSEXPLORER_DATA`` has it, else the thousand bundled images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from statistics import median
from typing import NamedTuple

from playwright.sync_api import Page

from tests.benchmarks.base import Benchmark, BenchmarkError, BenchmarkResult, Target, print_progress
from tests.benchmarks.machinery import empty_home
from tests.benchmarks.pages import is_training, open_browser, open_store, p95, start_quick
from tests.browser.harness import WIDE, exceptions, visit, wait_idle, widget
from tests.browser.server import ROOT, AppServer, serve
from tsexplorer.data.registry import get_dataset
from tsexplorer.settings import get_settings
from tsexplorer.training.device import allowed_cores

PAUSE_MS = 350
WARM_UP = 3
"""Changes that are not counted: answers are read, charts load their code."""

# Resolves to milliseconds from the key or click to the last change on the page. The page is settled
# when its script has ended and nothing has changed for QUIET_MS, which are not counted.
STOPWATCH = """
() => {
  const QUIET_MS = 300;
  const app = document.querySelector("[data-testid=stApp]");
  const main = document.querySelector("[data-testid=stMain]");
  const changes = { subtree: true, childList: true, characterData: true, attributes: true };
  window.settled = new Promise(resolve => {
    let began = null, ran = false, last = 0;
    const observer = new MutationObserver(() => { last = performance.now(); });
    const start = event => { began ??= event.timeStamp; };
    for (const name of ["keydown", "click"]) {
      window.addEventListener(name, start, { capture: true, once: true });
    }
    observer.observe(main, changes);
    for (const node of main.querySelectorAll("*")) {
      if (node.shadowRoot) observer.observe(node.shadowRoot, changes);
    }
    const check = () => {
      const running = app.dataset.testScriptState !== "notRunning";
      ran ||= began !== null && running;
      if (running) last = performance.now();
      if (ran && performance.now() - last > QUIET_MS) {
        observer.disconnect();
        resolve(last - began);
      } else requestAnimationFrame(check);
    };
    requestAnimationFrame(check);
  });
}
"""


class Change(NamedTuple):
    """A change on a view.

    Attributes:
        view: its name in the URL.
        key: the URL parameter that changes.
        act: makes the change; its second argument counts the changes.
    """

    view: str
    key: str
    act: Callable[[Page, int], None]


def next_image(page: Page, _number: int) -> None:
    """Show the next image."""
    widget(page, "soft-image").get_by_test_id("stNumberInputStepUp").click()


def next_temperature(page: Page, number: int) -> None:
    """Move T by one step of its slider, up and down alternately."""
    thumb = widget(page, "soft-T").get_by_role("slider")
    thumb.press("ArrowRight" if number % 2 else "ArrowLeft")


def run(change: Change, busy: bool, count: int) -> BenchmarkResult:
    """Make this many changes, one after the other."""
    with open_browser() as browser, open_app() as server, closing(open_store(server)) as store:
        page = browser.new_page(viewport=WIDE, reduced_motion="reduce")
        if busy:
            start_quick(page, server, store)
        visit(page, server, f"/soft_targets?view={change.view}&split=test&image=5&T=4")
        waits = [measure_change(page, change, number) for number in range(WARM_UP + count)][
            WARM_UP:
        ]
        if busy and not is_training(store):
            raise BenchmarkError(f"The job ended before the last change: {store.jobs()[0]}")
    print_progress(", ".join(f"{wait:.2f}" for wait in waits))
    return summary(waits)


def measure_change(page: Page, change: Change, number: int) -> float:
    """Seconds of one change.

    Raises:
        BenchmarkError: nothing changed, or the page shows an exception.
    """
    wait_idle(page)
    page.wait_for_timeout(PAUSE_MS)
    before = page.url
    page.evaluate(STOPWATCH)
    change.act(page, number)
    wait = float(page.evaluate("window.settled"))
    if page.url == before:
        raise BenchmarkError(f"{change.key} did not change at {page.url}.")
    if shown := exceptions(page):
        raise BenchmarkError(f"The page shows an exception: {shown[0]}")
    return wait / 1000


@contextmanager
def open_app() -> Iterator[AppServer]:
    """A new server with a new home and this machine's datasets."""
    settings = get_settings()
    cores = str(settings.threads or allowed_cores())
    env = {
        "OMP_NUM_THREADS": cores,
        "TSEXPLORER_THREADS": cores,
        "TSEXPLORER_DATA": str(settings.data_folder),
    }
    with empty_home() as folder, serve(ROOT / "app.py", folder / "home", env=env) as server:
        yield server


def summary(waits: Sequence[float]) -> BenchmarkResult:
    """The 95th percentile and the median."""
    complete = get_dataset("mnist").is_available(get_settings().data_folder)
    images = "MNIST's test split" if complete else "1,000 images of MNIST's test split"
    return BenchmarkResult(
        value=p95(waits),
        low=min(waits),
        high=max(waits),
        count=len(waits),
        details={"figure": "p95", "median": f"{median(waits):.2f} s", "images": images},
    )


IMAGE = Change("lens", "image", next_image)
MATRIX = Change("classes", "T", next_temperature)


def _benchmark(name: str, title: str, change: Change, *, busy: bool) -> Benchmark:
    return Benchmark(
        name=f"{name}-busy" if busy else name,
        title=f"{title}{' while a job trains' if busy else ''}: from the input to the settled page",
        unit="s",
        target=Target(0.6 if busy else 0.3, at_least=False),
        count=20,
        run=partial(run, change, busy),
    )


BENCHMARK = tuple(
    _benchmark(name, title, change, busy=busy)
    for name, title, change in (
        ("image-switch", "another image in the lens", IMAGE),
        ("matrix-temperature", "another T for the class matrices", MATRIX),
    )
    for busy in (False, True)
)
