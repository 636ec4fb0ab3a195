"""Chromium, the app and a page, for the tests of this folder; all carry the ``browser`` mark."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser import chromium
from tests.browser.accessibility import Violations, axe_violations, targets
from tests.browser.console import ConsoleLog
from tests.browser.harness import PATIENCE_MS, PHONE, SHOTS, WIDE, set_theme, visit
from tests.browser.server import ROOT, AppServer, serve

FOLDER = Path(__file__).parent
SETTLED_MS = 5_000
FAILED = pytest.StashKey[bool]()

StartApp = Callable[..., AppServer]

BLANK = """
import streamlit as st

pages = [st.Page(lambda: st.title("Blank"), title=name, url_path=name) for name in ("one", "two")]
st.navigation(pages).run()
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what stands in this folder."""
    for item in items:
        if item.path.is_relative_to(FOLDER):
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember that a test failed, so that its page can leave a picture."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture(scope="module")
def start_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartApp]:
    """Start servers: ``start_app(home=..., env=..., app=..., folder=...)``, each optional.

    What a server logs is held against the test: no traceback, no warning, no deprecation.
    """
    servers: list[AppServer] = []
    with ExitStack() as stack:

        def start(
            *,
            home: Path | None = None,
            env: dict[str, str] | None = None,
            app: Path = ROOT / "app.py",
            folder: Path = ROOT,
        ) -> AppServer:
            where = home or tmp_path_factory.mktemp("app") / "home"
            server = stack.enter_context(serve(app, where, env=env, folder=folder))
            servers.append(server)
            return server

        yield start
    for server in servers:
        assert not server.complaints(), f"the server's log ({server.log}) complains"


@pytest.fixture(scope="module")
def app_server(start_app: StartApp) -> AppServer:
    """The app, with a home of its own that the tests of a module share."""
    return start_app()


# Not for the session: while Playwright's loop lives, no later test could run one of its own.
@pytest.fixture(scope="module")
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
    """What the test's pages complain about; ``console.allow(pattern)`` expects a complaint."""
    return ConsoleLog()


@pytest.fixture
def context(browser: Browser, console: ConsoleLog) -> Iterator[BrowserContext]:
    """A visitor: cookies of its own, a wide window, a preference for light."""
    visitor = browser.new_context(viewport=WIDE, color_scheme="light", reduced_motion="reduce")
    visitor.set_default_timeout(PATIENCE_MS)
    visitor.on("page", console.watch)
    yield visitor
    visitor.close()


@pytest.fixture
def page(
    context: BrowserContext, console: ConsoleLog, request: pytest.FixtureRequest
) -> Iterator[Page]:
    """An empty tab of that visitor; in the end, the console must be clean."""
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
                "data-test-script-state", "notRunning", timeout=SETTLED_MS
            )
    assert not complaints, "the page complains on the console"


@pytest.fixture(scope="session")
def _baseline_kept() -> dict[str, Violations]:
    return {}


@pytest.fixture
def axe_baseline(
    _baseline_kept: dict[str, Violations], browser: Browser, tmp_path: Path
) -> Violations:
    """What axe-core finds on a page of Streamlit's with nothing on it but a title.

    Measured once a session, in both themes and at both sizes.
    """
    if "blank" not in _baseline_kept:
        blank = tmp_path / "blank.py"
        blank.write_text(BLANK)
        with serve(blank, tmp_path / "blank-home") as server:
            _baseline_kept["blank"] = _measure_blank(browser, server)
    return _baseline_kept["blank"]


def _measure_blank(browser: Browser, server: AppServer) -> Violations:
    found: Violations = {}
    page = browser.new_page()
    visit(page, server)
    for size in (WIDE, PHONE):
        page.set_viewport_size(size)
        for theme in ("light", "dark"):
            set_theme(page, theme)
            for rule, nodes in targets(axe_violations(page)).items():
                found.setdefault(rule, set()).update(nodes)
    page.close()
    return found
