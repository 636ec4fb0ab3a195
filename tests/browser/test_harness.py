"""The helpers of the browser tests find what they look for; they are tested on the toy app."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import Violations, axe_violations, targets
from tests.browser.conftest import TOY_SCRIPT
from tests.browser.console import ConsoleLog
from tests.browser.harness import (
    PHONE,
    WIDE,
    exceptions,
    no_exception,
    overflow_px,
    set_theme,
    shoot,
    visit,
    wait_idle,
    widget,
)
from tests.browser.server import AppServer, serve


@pytest.fixture
def toy_script(tmp_path: Path) -> Path:
    """The toy app, for a server whose log has complaints."""
    script = tmp_path / "app.py"
    script.write_text(TOY_SCRIPT, encoding="utf-8")
    return script


def test_server_gets_the_given_environment(page: Page, toy_server: AppServer) -> None:
    visit(page, toy_server)
    expect(page.get_by_text(f"{toy_server.home} cpu")).to_be_visible()


def test_wait_idle_waits_for_the_script(page: Page, toy_server: AppServer) -> None:
    visit(page, toy_server)
    widget(page, "think").get_by_role("button").click()
    wait_idle(page)
    assert page.get_by_text("Done").is_visible()


def test_theme_follows_the_system(page: Page, toy_server: AppServer) -> None:
    visit(page, toy_server)
    background = "node => getComputedStyle(node).backgroundColor"
    app = page.locator("[data-testid=stApp]")
    light = app.evaluate(background)
    set_theme(page, "dark")
    assert (light, app.evaluate(background)) == ("rgb(255, 255, 255)", "rgb(18, 24, 27)")


def test_screenshot_has_the_height_of_the_page(
    page: Page, toy_server: AppServer, tmp_path: Path
) -> None:
    page.set_viewport_size(PHONE)
    visit(page, toy_server)
    header = shoot(page, "toy", tmp_path).read_bytes()[16:24]
    width, height = int.from_bytes(header[:4]), int.from_bytes(header[4:])
    assert width == PHONE["width"]
    assert height > 60 * 20
    assert page.viewport_size == PHONE
    assert overflow_px(page) == 0


def test_console_log_has_warnings_errors_and_requests(
    page: Page, toy_server: AppServer, console: ConsoleLog
) -> None:
    visit(page, toy_server)
    page.evaluate("console.warn('beware')")
    page.evaluate("setTimeout(() => { throw new Error('thrown') })")
    page.evaluate("fetch('http://192.0.2.1/', {signal: AbortSignal.timeout(50)}).catch(() => {})")
    page.wait_for_timeout(300)
    complaints = "\n".join(console.unexpected())
    for text in ("warning: beware", "uncaught: thrown", "another machine: http://192.0.2.1/"):
        assert text in complaints
    console.allow(".")
    assert not console.unexpected()


def test_axe_reports_violations_that_are_not_in_the_baseline(
    page: Page, toy_server: AppServer, axe_baseline: Violations
) -> None:
    visit(page, toy_server, "/inaccessible")
    violations = axe_violations(page, axe_baseline)
    assert set(violations) == {"color-contrast", "image-alt"}
    assert "low contrast" in str(violations["color-contrast"])
    assert not axe_violations(page, targets(axe_violations(page)))
    visit(page, toy_server)
    assert not axe_violations(page, axe_baseline)


def test_exceptions_of_page_and_log_are_reported(
    page: Page, toy_script: Path, tmp_path: Path
) -> None:
    with serve(toy_script, tmp_path / "home") as server:
        visit(page, server)
        assert not server.complaints()
        widget(page, "break").get_by_role("button").click()
        wait_idle(page)
        assert exceptions(page)
        with pytest.raises(AssertionError, match="shows an exception"):
            no_exception(page)
        assert any(
            "raised by the button" in line or "Traceback" in line for line in server.complaints()
        )
        # Only the log has the text of the exception.
        assert "raised by the button" not in page.inner_text("body")


def test_server_is_ended_and_a_failed_start_shows_its_log(toy_script: Path, tmp_path: Path) -> None:
    with serve(toy_script, tmp_path / "home") as server:
        server.kill()
        assert server.process.poll() is not None
    with (
        pytest.raises(RuntimeError, match="does not exist"),
        serve(tmp_path / "missing.py", tmp_path),
    ):
        pass


def test_sizes_are_those_of_a_desktop_and_a_phone() -> None:
    assert WIDE["width"] > 1200
    assert PHONE["width"] < 400
