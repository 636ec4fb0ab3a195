"""Recipes: from the index to a card, from a card to a run, and back to its figures."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.harness import PHONE, no_exception, visit, wait_idle, widget
from tests.browser.server import AppServer

BUSY_MS = 120_000


def test_a_recipe_is_found_in_the_index_priced_run_and_given_up(
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
    expect(progress).to_be_in_viewport()  # not where the button was, nor at the form above it
    widget(page, "job_cancel").get_by_role("button").click()
    expect(page.get_by_text("Cancelled").first).to_be_visible(timeout=BUSY_MS)
    no_exception(page)


def test_a_contest_shows_its_places_and_who_takes_part(page: Page, app_server: AppServer) -> None:
    visit(page, app_server, "/recipes")
    card = page.locator(".st-key-recipe_meal-v2")
    card.scroll_into_view_if_needed()
    expect(card).to_contain_text("6 students beside the baseline: discriminator cooperative")
    expect(card).to_contain_text("Ships: all 7 students, the first on top")
    expect(card.locator(".js-plotly-plot")).to_be_visible(timeout=BUSY_MS)
    rows = card.locator(".js-plotly-plot .yaxislayer-above .ytick")
    expect(rows).to_have_count(7)
    expect(card).to_contain_text("Differences are from LeNet-5 alone, seed by seed, in points")
    expect(card).to_contain_text("it is the best of 3 on validation")
