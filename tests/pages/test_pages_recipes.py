"""The page Recipes: sources, figures, cost and command of each recipe; missing data; a run."""

from __future__ import annotations

import pytest

from tests.pages.conftest import OpenPage, no_exception, page_text
from tsexplorer.analysis.formatting import duration
from tsexplorer.published.recipe_results import load_results
from tsexplorer.recipes import get_recipe, recipe_names
from tsexplorer.services.service import Service


def test_each_recipe_has_source_command_and_figures(open_page: OpenPage) -> None:
    page = open_page("recipes")
    text, commands = page_text(page), [code.value for code in page.code]
    for recipe in map(get_recipe, recipe_names()):
        assert recipe.title in text
        assert recipe.summary in text
        assert f"python -m tsexplorer run {recipe.name}" in commands
        for accuracy in recipe.published.values():
            assert f"{accuracy:.2f} %" in text
    assert "99.26 % (74 errors)" in text
    assert "1.09 % errors, 98.6 % of the never seen right" in text
    assert r"Shipped\: seeds 0, 1, 2, 3, 4, x86\_64 CPU" in text


def test_each_recipe_says_how_long_a_run_takes(open_page: OpenPage) -> None:
    captions = [caption.value for caption in open_page("recipes").caption]
    assert any("The time is unknown" in caption for caption in captions)  # no shipped figures
    results = load_results(get_recipe("wu-2020"))
    assert results is not None
    time = duration(results.total_seconds / len(results.seeds))
    sentence = f"Trains 3 nets: at most {time} on the machine of the shipped figures"
    assert any(caption.startswith(sentence) for caption in captions)


def test_a_recipe_with_missing_data_cannot_be_run(open_page: OpenPage) -> None:
    page = open_page("recipes")
    assert page.button(key="run_korn-2017").disabled
    assert not page.button(key="run_quick").disabled
    [missing] = [info.value for info in page.info if "Not downloaded yet" in info.value]
    assert r"MNIST \(12 MB\) and EMNIST letters \(562 MB\)" in missing
    sentence = "It needs EMNIST letters, which is not downloaded yet"
    assert sum(sentence in caption.value for caption in page.caption) == 1


def test_a_run_queues_the_recipe_with_the_chosen_seeds(
    open_page: OpenPage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(service), "start", type(service).enqueue)  # queued, not trained
    page = open_page("recipes")
    page.number_input(key="recipes.seeds").set_value(3).run()
    no_exception(page)
    assert "python -m tsexplorer run quick --seeds 3" in [code.value for code in page.code]
    page.button(key="run_quick").click().run()
    assert service.experiment("quick").spec.seeds == (0, 1, 2)
    assert len(service.jobs()) == 1


def test_a_shipped_comparison_has_all_figures_and_losses(open_page: OpenPage) -> None:
    text = page_text(open_page("recipes"))
    row = "| under the teacher | 98.28 ± 0.08 | +0.45 ± 0.23 |"
    assert row in text.replace("\N{NO-BREAK SPACE}", " ")
    assert "**under the teacher**: hinton" in text
    assert "**two nets**: mutual" in text
    assert r"**baseline**: cross\-entropy, nats" in text
