"""How long a change on the Soft targets page takes, idle and beside a trainer: another image, or T.

With the test split of all of MNIST where ``TSEXPLORER_DATA`` has it, else the thousand images that
ship.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from statistics import median
from typing import NamedTuple

from playwright.sync_api import Page

from tests.benchmarks.base import Benchmark, BenchmarkError, Finding, Target, say
from tests.benchmarks.machinery import empty_home
from tests.benchmarks.pages import chrome, p95, start_quick, store_of, training
from tests.browser.harness import WIDE, exceptions, visit, wait_idle, widget
from tests.browser.server import ROOT, AppServer, serve
from tsexplorer.data.registry import get_dataset
from tsexplorer.settings import get_settings
from tsexplorer.training.device import allowed_cores

PAUSE_MS = 350
FIRST = 3
"""Changes off the record: answers are read, charts load their code."""

# Resolves to milliseconds from the key or click to the last change of what the page shows. It has
# settled when its script is through and nothing has changed for QUIET_MS, which do not count.
STOPWATCH = """
() => {
  const QUIET_MS = 300;
  const app = document.querySelector("[data-testid=stApp]");
  const main = document.querySelector("[data-testid=stMain]");
  const kinds = { subtree: true, childList: true, characterData: true, attributes: true };
  window.settled = new Promise(resolve => {
    let began = null, ran = false, last = 0;
    const observer = new MutationObserver(() => { last = performance.now(); });
    const start = event => { began ??= event.timeStamp; };
    for (const name of ["keydown", "click"]) {
      window.addEventListener(name, start, { capture: true, once: true });
    }
    observer.observe(main, kinds);
    for (const node of main.querySelectorAll("*")) {
      if (node.shadowRoot) observer.observe(node.shadowRoot, kinds);
    }
    const look = () => {
      const running = app.dataset.testScriptState !== "notRunning";
      ran ||= began !== null && running;
      if (running) last = performance.now();
      if (ran && performance.now() - last > QUIET_MS) {
        observer.disconnect();
        resolve(last - began);
      } else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
}
"""


class Change(NamedTuple):
    """Something to change on a view.

    Attributes:
        view: by its name in the URL.
        key: of the URL parameter that changes.
        act: changes it, the more often the farther.
    """

    view: str
    key: str
    act: Callable[[Page, int], None]


def next_image(page: Page, _number: int) -> None:
    """Go on to the next image."""
    widget(page, "soft-image").get_by_test_id("stNumberInputStepUp").click()


def next_temperature(page: Page, number: int) -> None:
    """Move T up and down by one place of its slider."""
    thumb = widget(page, "soft-T").get_by_role("slider")
    thumb.press("ArrowRight" if number % 2 else "ArrowLeft")


def run(change: Change, busy: bool, count: int) -> Finding:
    """Make so many changes, one after the other."""
    with chrome() as browser, app() as server, closing(store_of(server)) as store:
        page = browser.new_page(viewport=WIDE, reduced_motion="reduce")
        if busy:
            start_quick(page, server, store)
        visit(page, server, f"/soft_targets?view={change.view}&split=test&image=5&T=4")
        waits = [changed(page, change, number) for number in range(FIRST + count)][FIRST:]
        if busy and not training(store):
            raise BenchmarkError(f"The job is over before the last change: {store.jobs()[0]}")
    say(", ".join(f"{wait:.2f}" for wait in waits))
    return summary(waits)


def changed(page: Page, change: Change, number: int) -> float:
    """Seconds that one change takes.

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
def app() -> Iterator[AppServer]:
    """A new server with a home of its own and the datasets that are here."""
    settings = get_settings()
    cores = str(settings.threads or allowed_cores())
    env = {
        "OMP_NUM_THREADS": cores,
        "TSEXPLORER_THREADS": cores,
        "TSEXPLORER_DATA": str(settings.data_folder),
    }
    with empty_home() as folder, serve(ROOT / "app.py", folder / "home", env=env) as server:
        yield server


def summary(waits: Sequence[float]) -> Finding:
    """The 95th percentile, with the median beside it."""
    whole = get_dataset("mnist").is_available(get_settings().data_folder)
    images = "MNIST's test split" if whole else "the part of MNIST's test split that ships"
    return Finding(
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
