"""The page Recipes: the index, the cost, a run of a recipe, and its published figures."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.accessibility import Violations, axe_violations
from tests.browser.harness import (
    PHONE,
    SIZES_AND_THEMES,
    no_exception,
    overflow_px,
    set_theme,
    visit,
    wait_idle,
    widget,
)
from tests.browser.server import AppServer

BUSY_MS = 120_000


def test_a_recipe_shows_its_cost_and_can_be_run_and_cancelled(
    page: Page, app_server: AppServer
) -> None:
    visit(page, app_server, "/recipes")
    page.get_by_role("link", name="Quick start on 5,000 digits").first.click()
    expect(page).to_have_url(re.compile("#quick$"))
    card = page.locator(".st-key-recipe_quick")
    expect(card).to_be_in_viewport()
    expect(card).to_contain_text("Trains 3 nets: at most")
    seeds = widget(page, "recipes-seeds").get_by_role("spinbutton")
    seeds.fill("2")
    seeds.press("Tab")
    wait_idle(page)
    expect(card).to_contain_text("Trains 6 nets on 2 seeds")
    expect(card).to_contain_text("python -m tsexplorer run quick --seeds 2")

    page.set_viewport_size(PHONE)
    widget(page, "run_quick").get_by_role("button").click()
    expect(page).to_have_url(re.compile(r"/train\?experiment="), timeout=BUSY_MS)
    progress = page.get_by_test_id("stProgress")
    expect(progress).to_contain_text(re.compile("teacher"), timeout=BUSY_MS)
    expect(progress).to_be_in_viewport()  # not at the button's position, nor at the form above
    widget(page, "job_cancel").get_by_role("button").click()
    expect(page.get_by_text("Cancelled").first).to_be_visible(timeout=BUSY_MS)
    no_exception(page)


def test_a_comparison_shows_its_students_in_order(page: Page, shared_server: AppServer) -> None:
    visit(page, shared_server, "/recipes")
    card = page.locator(".st-key-recipe_meal-v2")
    card.scroll_into_view_if_needed()
    expect(card).to_contain_text("6 students beside the baseline: discriminator cooperative")
    expect(card).to_contain_text("Shipped: all 7 students, best first")
    expect(card.locator(".js-plotly-plot")).to_be_visible(timeout=BUSY_MS)
    rows = card.locator(".js-plotly-plot .yaxislayer-above .ytick")
    expect(rows).to_have_count(7)
    expect(card).to_contain_text("Differences are from LeNet-5 alone, seed by seed, in points")
    expect(card).to_contain_text("it is the best of 3 on validation")


def test_recipes_are_accessible_in_both_sizes_and_themes(
    page: Page, shared_server: AppServer, axe_baseline: Violations
) -> None:
    visit(page, shared_server, "/recipes")
    for size, theme in SIZES_AND_THEMES:
        page.set_viewport_size(size)
        set_theme(page, theme)
        assert axe_violations(page, axe_baseline) == {}, (size, theme)
        assert overflow_px(page) == 0, (size, theme)
