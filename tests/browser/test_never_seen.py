"""A class that was never seen: the slider by keyboard, and what follows it; and the recipes."""

from __future__ import annotations

import re
import time
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.accessibility import Violations, axe_violations
from tests.browser.conftest import StartApp
from tests.browser.harness import LOOKS, overflow_px, set_theme, visit, wait_idle, widget
from tests.examples import TINY
from tsexplorer.services.service import ACTIVE, Service
from tsexplorer.settings import Settings

TRAINED_SECONDS = 120


def trained(home: Path) -> str:
    """An experiment in a new store whose student never saw a 3."""
    service = Service(Settings(home=home))
    job = service.start(TINY.model_copy(update={"name": "no threes", "left_out": (3,)}))
    end = time.monotonic() + TRAINED_SECONDS
    while service.store.job(job.id).status in ACTIVE and time.monotonic() < end:
        time.sleep(0.05)
    service.close()
    return job.experiment_id


def test_the_bias_moves_by_keyboard_and_everything_follows(
    page: Page, start_app: StartApp, axe_baseline: Violations, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    key = trained(home)
    server = start_app(home=home)
    visit(page, server, f"/never_seen?experiment={key}&bias=0")
    story = page.get_by_text("This student was never shown an image of")
    expect(story).to_contain_text("As it was trained it gets")
    expect(story).not_to_contain_text("raised")
    slider = page.get_by_role("slider", name="Bias b added to the logit of 3")
    slider.focus()
    slider.press("End")
    wait_idle(page)
    expect(story).to_contain_text("raised by")
    expect(page.get_by_text("50 of 50 test images of 3")).to_be_visible()
    widget(page, "never_rule_none").get_by_role("button").click()
    wait_idle(page)
    expect(page).to_have_url(re.compile(r"bias=0\.0"))
    expect(story).not_to_contain_text("raised")
    for path in (f"/never_seen?experiment={key}", "/recipes"):
        for size, theme in LOOKS:
            page.set_viewport_size(size)
            visit(page, server, path)
            set_theme(page, theme)
            assert axe_violations(page, axe_baseline) == {}, (path, size, theme)
            assert overflow_px(page) == 0, (path, size, theme)
