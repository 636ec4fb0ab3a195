"""Chromium, servers of the app and pages, for the tests of this folder; all are marked ``browser``.

Tests that only read share ``shared_server``. Tests that train, or that need an unused home,
have ``app_server``, one for each test file. ``toy_server`` serves ``toy_app.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser import chromium
from tests.browser.accessibility import Violations, axe_violations, targets
from tests.browser.console import ConsoleLog
from tests.browser.harness import PATIENCE_MS, PHONE, SHOTS, WIDE, set_theme, visit, wait_idle
from tests.browser.server import ROOT, AppServer, serve

FOLDER = Path(__file__).parent
LAST_RUN_MS = 5_000
FAILED = pytest.StashKey[bool]()
TOY_SCRIPT = "from tests.browser.toy_app import run\n\nrun()\n"

StartApp = Callable[..., AppServer]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder."""
    for item in items:
        if item.path.is_relative_to(FOLDER):
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Record that a test or a subtest failed, so that a screenshot of its page is saved."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed or item.stash.get(FAILED, False)
    return report


# -- servers ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def start_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartApp]:
    """Start servers of the app: ``start_app(home=..., env=...)``, both optional.

    Tests fail if a server logs a traceback, a warning or a deprecation.
    """
    with ExitStack() as stack:

        def start(*, home: Path | None = None, env: dict[str, str] | None = None) -> AppServer:
            folder = home or tmp_path_factory.mktemp("app") / "home"
            server = stack.enter_context(serve(ROOT / "app.py", folder, env=env))
            stack.enter_context(clean_log(server))
            return server

        yield start


@contextmanager
def clean_log(server: AppServer) -> Iterator[AppServer]:
    """Check that the server logs no complaint within the block."""
    earlier = len(server.complaints())
    yield server
    assert not server.complaints()[earlier:], f"the server's log ({server.log}) has complaints"


@pytest.fixture(scope="module")
def app_server(start_app: StartApp) -> AppServer:
    """The app with a new home, for the tests of one file."""
    return start_app()


@pytest.fixture(scope="package")
def running_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """The app of ``shared_server``."""
    with serve(ROOT / "app.py", tmp_path_factory.mktemp("shared") / "home") as server:
        yield server


@pytest.fixture(scope="module")
def shared_server(running_app: AppServer) -> Iterator[AppServer]:
    """The app with the demo pair, for tests that only read; its log is checked for each file."""
    with clean_log(running_app):
        yield running_app


@pytest.fixture(scope="package")
def running_toy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """The app of ``toy_server``."""
    folder = tmp_path_factory.mktemp("toy")
    script = folder / "app.py"
    script.write_text(TOY_SCRIPT, encoding="utf-8")
    with serve(script, folder / "home", env={"TSEXPLORER_DEVICE": "cpu"}) as server:
        yield server


@pytest.fixture(scope="module")
def toy_server(running_toy: AppServer) -> Iterator[AppServer]:
    """The pages of ``toy_app.py``; the log is checked for each test file."""
    with clean_log(running_toy):
        yield running_toy


# -- browser and pages --------------------------------------------------------------------------


# Not for the session: while Playwright runs, no other test can start an event loop.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    with sync_playwright() as playwright:
        chrome = playwright.chromium.launch(
            executable_path=chromium.require(), args=list(chromium.FLAGS)
        )
        yield chrome
        chrome.close()


@pytest.fixture
def console() -> ConsoleLog:
    """Complaints on the console of the test's pages; ``console.allow(pattern)`` expects some."""
    return ConsoleLog()


@pytest.fixture
def context(browser: Browser, console: ConsoleLog) -> Iterator[BrowserContext]:
    """A visitor with own cookies, a wide window and a light theme."""
    visitor = browser.new_context(viewport=WIDE, color_scheme="light", reduced_motion="reduce")
    visitor.set_default_timeout(PATIENCE_MS)
    visitor.on("page", console.watch)
    yield visitor
    visitor.close()


@pytest.fixture
def page(
    context: BrowserContext, console: ConsoleLog, request: pytest.FixtureRequest
) -> Iterator[Page]:
    """An empty tab of the visitor; after the test its console must be empty."""
    tab = context.new_page()
    yield tab
    if request.node.stash.get(FAILED, False) and not tab.is_closed():
        SHOTS.mkdir(exist_ok=True)
        name = re.sub(r"[^\w.-]+", "-", request.node.name)
        tab.screenshot(path=SHOTS / f"failed-{name}.png")
        return
    complaints = console.unexpected()  # before the wait: a test may have ended its server
    if not tab.is_closed():
        # Streamlit logs a traceback when a tab is closed while its script runs.
        with suppress(AssertionError):
            expect(tab.locator("[data-testid=stApp]")).to_have_attribute(
                "data-test-script-state", "notRunning", timeout=LAST_RUN_MS
            )
    assert not complaints, "the page complains on the console"


@pytest.fixture
def phone(browser: Browser, console: ConsoleLog) -> Iterator[Page]:
    """A tab on a phone with a touch screen."""
    visitor = browser.new_context(
        viewport=PHONE,
        device_scale_factor=3,
        has_touch=True,
        is_mobile=True,
        color_scheme="light",
        reduced_motion="reduce",
    )
    visitor.set_default_timeout(PATIENCE_MS)
    visitor.on("page", console.watch)
    tab = visitor.new_page()
    yield tab
    wait_idle(tab)
    visitor.close()
    assert not console.unexpected(), "the page complains on the console"


@pytest.fixture(scope="package")
def axe_baseline(browser: Browser, running_toy: AppServer) -> Violations:
    """Violations on a Streamlit page with only a title, in both themes and sizes."""
    found: Violations = {}
    page = browser.new_page()
    visit(page, running_toy, "/blank")
    for size in (WIDE, PHONE):
        page.set_viewport_size(size)
        for theme in ("light", "dark"):
            set_theme(page, theme)
            for rule, nodes in targets(axe_violations(page)).items():
                found.setdefault(rule, set()).update(nodes)
    page.close()
    return found
