"""Recipes: every one with its source, its figures, its cost and its command."""

from __future__ import annotations

import pytest

from tests.pages.conftest import OpenPage, no_exception, words
from tsexplorer.analysis.formatting import duration
from tsexplorer.published.recipe_results import shipped
from tsexplorer.recipes import get_recipe, recipe_names
from tsexplorer.services.service import Service


def test_each_recipe_stands_there_with_source_command_and_published_figures(
    open_page: OpenPage,
) -> None:
    page = open_page("recipes")
    said, commands = words(page), [one.value for one in page.code]
    for recipe in map(get_recipe, recipe_names()):
        assert recipe.title in said
        assert recipe.summary in said
        assert f"python -m tsexplorer run {recipe.name}" in commands
        for accuracy in recipe.published.values():
            assert f"{accuracy:.2f} %" in said
    assert "99.26 % (74 errors)" in said
    assert "1.09 % errors, 98.6 % of the never seen right" in said
    assert r"Ships\: seeds 0, 1, 2, 3, 4, x86\_64 CPU" in said
    assert "so the time is open" in said  # of a recipe without figures that ship
    told = [one.value for one in page.caption]
    ships = shipped(get_recipe("wu-2020"))
    assert ships is not None
    took = duration(ships.total_seconds / len(ships.seeds))
    assert any(
        one.startswith(f"Trains 3 nets: at most {took} on a machine like that of the figures")
        for one in told
    )


def test_data_that_is_not_here_is_said_and_cannot_be_run(open_page: OpenPage) -> None:
    page = open_page("recipes")
    assert page.button(key="run_korn-2017").disabled
    assert not page.button(key="run_quick").disabled
    [missing] = [one.value for one in page.info if "Not here yet" in one.value]
    assert r"MNIST \(12 MB\) and EMNIST letters \(562 MB\)" in missing
    card = "It needs EMNIST letters, which is not here yet"
    assert sum(card in one.value for one in page.caption) == 1


def test_running_queues_the_recipe_with_its_seeds(
    open_page: OpenPage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(service), "start", type(service).enqueue)  # nobody trains it
    page = open_page("recipes")
    page.number_input(key="recipes.seeds").set_value(3).run()
    no_exception(page)
    assert "python -m tsexplorer run quick --seeds 3" in [one.value for one in page.code]
    page.button(key="run_quick").click().run()
    assert service.experiment("quick").spec.seeds == (0, 1, 2)
    assert len(service.jobs()) == 1


def test_a_contest_that_ships_has_all_its_figures_and_losses(open_page: OpenPage) -> None:
    said = words(open_page("recipes"))
    row = "| under the teacher | 98.28 ± 0.08 | +0.45 ± 0.23 |"
    assert row in said.replace("\N{NO-BREAK SPACE}", " ")
    assert "**under the teacher**: hinton" in said
    assert "**two nets**: mutual" in said
    assert r"**baseline**: cross\-entropy, nats" in said
