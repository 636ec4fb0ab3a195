"""The page Never seen with the shipped student: the bias by keyboard, and accessibility."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.accessibility import Violations, axe_violations
from tests.browser.harness import (
    SIZES_AND_THEMES,
    overflow_px,
    set_theme,
    visit,
    wait_idle,
    widget,
)
from tests.browser.server import AppServer


def test_text_and_figures_follow_the_bias(page: Page, shared_server: AppServer) -> None:
    visit(page, shared_server, "/never_seen?bias=0")
    story = page.get_by_text("This student was never shown an image of")
    expect(story).to_contain_text("As trained, it gets")
    expect(story).not_to_contain_text("raised")
    slider = page.get_by_role("slider", name="Bias b added to the logit of 3")
    slider.focus()
    slider.press("End")
    wait_idle(page)
    expect(story).to_contain_text("raised by")
    expect(page.get_by_text(re.compile(r"(\d+) of \1 test images of 3")).first).to_be_visible()
    widget(page, "never_rule_none").get_by_role("button").click()
    wait_idle(page)
    expect(page).to_have_url(re.compile(r"bias=0\.0"))
    expect(story).not_to_contain_text("raised")


def test_never_seen_is_accessible_in_both_sizes_and_themes(
    page: Page, shared_server: AppServer, axe_baseline: Violations
) -> None:
    visit(page, shared_server, "/never_seen")
    for size, theme in SIZES_AND_THEMES:
        page.set_viewport_size(size)
        set_theme(page, theme)
        assert axe_violations(page, axe_baseline) == {}, (size, theme)
        assert overflow_px(page) == 0, (size, theme)
