"""The harness notices what it is there to notice; a toy app stands in for the real one."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import Violations, axe_violations, targets
from tests.browser.conftest import StartApp
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

TOY = """
import os, time
import streamlit as st

def home():
    st.title("Toy")
    st.write(os.environ["TSEXPLORER_HOME"], os.environ.get("TSEXPLORER_DEVICE", "unset"))
    if st.button("Think", key="think"):
        time.sleep(0.7)
        st.write("Thought")
    if st.button("Break", key="break"):
        raise ValueError("broken on purpose")
    st.markdown("x" * 300 if st.query_params.get("wide") else "narrow")
    for line in range(60):
        st.write(line)

def barrier():
    st.title("Barrier")
    st.html('<p style="color:#ddd;background:#fff">hardly there</p><img src="data:,">')

pages = [st.Page(home, title="Home"), st.Page(barrier, title="Barrier", url_path="barrier")]
st.navigation(pages).run()
"""


@pytest.fixture(scope="module")
def toy(start_app: StartApp, tmp_path_factory: pytest.TempPathFactory) -> AppServer:
    app = tmp_path_factory.mktemp("toy") / "app.py"
    app.write_text(TOY)
    return start_app(app=app, env={"TSEXPLORER_DEVICE": "cpu"})


def test_a_plain_page_is_clean_and_has_the_given_environment(page: Page, toy: AppServer) -> None:
    visit(page, toy)
    expect(page.get_by_text(f"{toy.home} cpu")).to_be_visible()


def test_wait_idle_waits_for_the_script(page: Page, toy: AppServer) -> None:
    visit(page, toy)
    widget(page, "think").get_by_role("button").click()
    wait_idle(page)
    assert page.get_by_text("Thought").is_visible()


def test_the_theme_follows_the_system(page: Page, toy: AppServer) -> None:
    visit(page, toy)
    background = "node => getComputedStyle(node).backgroundColor"
    app = page.locator("[data-testid=stApp]")
    light = app.evaluate(background)
    set_theme(page, "dark")
    assert (light, app.evaluate(background)) == ("rgb(255, 255, 255)", "rgb(18, 24, 27)")


def test_a_picture_shows_the_whole_page(page: Page, toy: AppServer, tmp_path: Path) -> None:
    page.set_viewport_size(PHONE)
    visit(page, toy)
    header = shoot(page, "toy", tmp_path).read_bytes()[16:24]
    width, height = int.from_bytes(header[:4]), int.from_bytes(header[4:])
    assert width == PHONE["width"]
    assert height > 60 * 20
    assert page.viewport_size == PHONE
    assert overflow_px(page) == 0


def test_the_console_is_heard(page: Page, toy: AppServer, console: ConsoleLog) -> None:
    visit(page, toy)
    page.evaluate("console.warn('beware')")
    page.evaluate("setTimeout(() => { throw new Error('thrown') })")
    page.evaluate("fetch('http://192.0.2.1/', {signal: AbortSignal.timeout(50)}).catch(() => {})")
    page.wait_for_timeout(300)
    heard = "\n".join(console.unexpected())
    for complaint in ("warning: beware", "uncaught: thrown", "another machine: http://192.0.2.1/"):
        assert complaint in heard
    console.allow(".")
    assert not console.unexpected()


def test_barriers_are_found_and_streamlits_own_are_not(
    page: Page, toy: AppServer, axe_baseline: Violations
) -> None:
    visit(page, toy, "/barrier")
    found = axe_violations(page, axe_baseline)
    assert set(found) == {"color-contrast", "image-alt"}
    assert "hardly there" in str(found["color-contrast"])
    assert not axe_violations(page, targets(axe_violations(page)))
    visit(page, toy)
    assert not axe_violations(page, axe_baseline)


def test_exceptions_on_the_page_and_in_the_log_are_noticed(page: Page, tmp_path: Path) -> None:
    app = tmp_path / "app.py"
    app.write_text(TOY)
    with serve(app, tmp_path / "home") as server:
        visit(page, server)
        assert not server.complaints()
        widget(page, "break").get_by_role("button").click()
        wait_idle(page)
        assert exceptions(page)
        with pytest.raises(AssertionError, match="shows an exception"):
            no_exception(page)
        assert any(
            "broken on purpose" in line or "Traceback" in line for line in server.complaints()
        )
        # What went wrong is for the log; a visitor is not shown it.
        assert "broken on purpose" not in page.inner_text("body")


def test_a_server_leaves_nothing_behind_and_a_dead_one_tells_why(tmp_path: Path) -> None:
    app = tmp_path / "app.py"
    app.write_text(TOY)
    with serve(app, tmp_path / "home") as server:
        server.kill()
        assert server.process.poll() is not None
    with pytest.raises(RuntimeError, match="does not exist"), serve(tmp_path / "gone.py", tmp_path):
        pass


def test_sizes_are_those_of_a_desk_and_a_pocket() -> None:
    assert WIDE["width"] > 1200
    assert PHONE["width"] < 400
