"""Waiting times for pages in Chromium: the first page of a new server, and page changes.

The server uses all cores, as it does for a visitor; in the browser tests it uses one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import cycle
from statistics import median, quantiles
from time import monotonic

from playwright.sync_api import Browser, Locator, Page, sync_playwright

from tests.benchmarks.base import Benchmark, BenchmarkError, BenchmarkResult, Target, print_progress
from tests.benchmarks.machinery import empty_home
from tests.browser import chromium
from tests.browser.harness import WIDE, exceptions, visit, wait_idle, widget
from tests.browser.server import ROOT, AppServer, serve
from tsexplorer.settings import get_settings
from tsexplorer.store import Store
from tsexplorer.training.device import allowed_cores

PAGES = ("Home", "Train", "Compare")
PATIENCE_SECONDS = 30.0
SEEDS = 5
"""Enough for ``quick`` to run until the last page change."""
Wait = tuple[float, float]
"""Seconds from a click to the title of the next page, and to the end of its script."""
PAUSES_MS = (200, 300, 400, 500, 600)
"""Between two page changes; they vary, since the live view has a timer."""

# Resolves to milliseconds from the click to the title of the next page and to the end of its
# script. It checks once a frame.
STOPWATCH = """
title => {
  window.switched = new Promise(resolve => {
    document.addEventListener("click", click => {
      let titled = null;
      const check = () => {
        const heading = document.querySelector("h1");
        const there = heading?.checkVisibility() && heading.innerText.trim() === title;
        const now = performance.now() - click.timeStamp;
        if (there && titled === null) titled = now;
        const app = document.querySelector("[data-testid=stApp]");
        if (there && app.dataset.testScriptState === "notRunning") resolve([titled, now]);
        else requestAnimationFrame(check);
      };
      requestAnimationFrame(check);
    }, {capture: true, once: true});
  });
}
"""


# Resolves to milliseconds from the request to the first frame with a title. It checks once a frame,
# since Playwright checks only once a second.
FIRST_TITLE = """
window.titled = new Promise(resolve => {
  const check = () => {
    const heading = document.querySelector("h1");
    if (heading?.checkVisibility() && heading.innerText.trim()) resolve(performance.now());
    else requestAnimationFrame(check);
  };
  requestAnimationFrame(check);
});
"""


def cold_start(count: int) -> BenchmarkResult:
    """Start servers and measure the first request of each."""
    waits = []
    with open_browser() as browser:
        for number in range(1, count + 1):
            with open_app() as server:
                waits.append(first_page(browser, server))
            print_progress(f"server {number} of {count}: {waits[-1]:.2f} s")
    return BenchmarkResult.typical(waits, figure="median", of="new home, empty browser cache")


def page_switch(rounds: int) -> BenchmarkResult:
    """Visit all pages this many times while ``quick`` trains."""
    with open_browser() as browser, open_app() as server, closing(open_store(server)) as store:
        page = browser.new_page(viewport=WIDE)
        start_quick(page, server, store)
        titles, pauses = read_titles(page), cycle(PAUSES_MS)
        waits: list[Wait] = []
        for _ in range(rounds):
            waits += visit_all(page, titles, pauses)
            if not is_training(store):
                raise BenchmarkError(f"The job ended before the last change: {store.jobs()[0]}")
    return _summary(waits)


def first_page(browser: Browser, server: AppServer) -> float:
    """Seconds from the request to the title, with an empty browser cache."""
    visitor = browser.new_context(viewport=WIDE)
    page = visitor.new_page()
    page.add_init_script(FIRST_TITLE)
    page.goto(server.url, wait_until="commit")
    page.get_by_role("heading", level=1).wait_for()
    waited = float(page.evaluate("window.titled"))
    visitor.close()
    return waited / 1000


def start_quick(page: Page, server: AppServer, store: Store) -> None:
    """Fill in the number of seeds and start ``quick``, the default of the form.

    Raises:
        BenchmarkError: no training started.
    """
    visit(page, server, "/train")
    page.locator("summary").filter(has_text="seeds").click()
    seeds = widget(page, "seeds").locator("input")
    seeds.fill(str(SEEDS))
    seeds.press("Enter")
    wait_idle(page)
    widget(page, "start").get_by_role("button").click()
    until = monotonic() + PATIENCE_SECONDS
    while not is_training(store):
        if monotonic() > until:
            raise BenchmarkError(f"No training started: {store.jobs()}")
        page.wait_for_timeout(PAUSES_MS[0])


def read_titles(page: Page) -> dict[str, str]:
    """The titles of the pages; each is also visited for the first time."""
    titles = {}
    for name in PAGES:
        link(page, name).click()
        wait_idle(page)
        titles[name] = page.get_by_role("heading", level=1).inner_text().strip()
    return titles


def visit_all(page: Page, titles: dict[str, str], pauses: Iterator[int]) -> list[Wait]:
    """Visit each page once and measure the waits."""
    waits = []
    for name, title in titles.items():
        page.wait_for_timeout(next(pauses))
        waits.append(change_page(page, name, title))
    print_progress(
        ", ".join(f"{name} {drawn:.2f} s" for name, (_, drawn) in zip(titles, waits, strict=True))
    )
    return waits


def change_page(page: Page, name: str, title: str) -> Wait:
    """Click on a link to a page and measure the wait.

    Raises:
        BenchmarkError: the page shows an exception.
    """
    page.evaluate(STOPWATCH, title)
    link(page, name).click()
    titled, drawn = page.evaluate("window.switched")
    if shown := exceptions(page):
        raise BenchmarkError(f"{name} shows an exception: {shown[0]}")
    return titled / 1000, drawn / 1000


def link(page: Page, name: str) -> Locator:
    """The link to a page in the navigation."""
    return page.get_by_test_id("stTopNavLink").filter(has_text=name)


def open_store(server: AppServer) -> Store:
    """The store of the server."""
    return Store.open(f"sqlite:///{server.home / 'store.sqlite3'}")


def is_training(store: Store) -> bool:
    """Whether a job is running."""
    return any(job.status == "running" for job in store.jobs(active_only=True))


@contextmanager
def open_browser() -> Iterator[Browser]:
    """The system's Chromium.

    Raises:
        BenchmarkError: it is missing.
    """
    try:
        path = chromium.require()
    except chromium.ChromiumMissingError as error:
        raise BenchmarkError(f"{error} On Debian, make browser installs it.") from error
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(chromium.FLAGS))
        yield browser
        browser.close()


@contextmanager
def open_app() -> Iterator[AppServer]:
    """A new server with a new home, as ``make run`` starts it."""
    cores = str(get_settings().threads or allowed_cores())
    threads = {"OMP_NUM_THREADS": cores, "TSEXPLORER_THREADS": cores}
    with empty_home() as folder, serve(ROOT / "app.py", folder / "home", env=threads) as server:
        yield server


def p95(values: Sequence[float]) -> float:
    """The 95th percentile."""
    return quantiles(values, n=20, method="inclusive")[-1]


def _summary(waits: Sequence[Wait]) -> BenchmarkResult:
    titled, drawn = zip(*waits, strict=True)
    by_page = [
        f"{name} {median(drawn[page :: len(PAGES)]):.2f} s" for page, name in enumerate(PAGES)
    ]
    return BenchmarkResult(
        value=p95(drawn),
        low=min(drawn),
        high=max(drawn),
        count=len(drawn),
        details={
            "figure": "p95 to the end of the page's script",
            "medians": ", ".join(by_page),
            "to the title": f"p95 {p95(titled):.2f} s, median {median(titled):.2f} s",
        },
    )


BENCHMARK = (
    Benchmark(
        name="cold-start",
        title="first page of a cold server: from the request to the title",
        unit="s",
        target=Target(2, at_least=False),
        count=7,
        run=cold_start,
    ),
    Benchmark(
        name="page-switch",
        title="page change while a job trains: from the click to title and idle script",
        unit="s",
        target=Target(0.5, at_least=False),
        count=14,
        run=page_switch,
    ),
)
