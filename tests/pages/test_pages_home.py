"""Home shows the demo's own figures and the way on."""

from __future__ import annotations

import pytest

from tests.pages.conftest import OpenPage, errors, words
from tsexplorer.services import demo
from tsexplorer.services.service import Service


def test_it_shows_the_figures_that_ship_with_where_they_come_from(
    open_page: OpenPage, service: Service
) -> None:
    page = open_page("home")
    said = words(page)
    experiment = service.experiment(demo.NAME)
    for link in experiment.stages:
        assert f"{100 * link.stage.test_accuracy:.2f} %" in said
        assert f"{link.stage.parameters:,} parameters" in said
    nets = (experiment.spec.teacher, experiment.spec.student)
    large, small = (service.count(net, 10).macs for net in nets)
    assert f"**{large / small:.3g} times fewer**" in said
    assert "Test split" in said
    assert "seed 0" in said
    assert "hinton: λ·CE + (1 − λ)·T²·KL" in said
    assert len(page.get("plotly_chart")) == 1


def test_without_own_experiments_there_is_no_list_of_them(open_page: OpenPage) -> None:
    assert "Your experiments" not in words(open_page("home"))


def test_own_experiments_are_listed_by_name_and_opened(
    open_page: OpenPage, service: Service
) -> None:
    spec = service.experiment(demo.NAME).spec.model_copy(update={"name": "mine *bold* :red[x]"})
    mine = service.store.add_experiment(spec, service.check(spec).stages)
    page = open_page("home")
    said = words(page)
    assert "Your experiments" in said
    assert r"mine \*bold\* \:red\[x\]" in said
    assert page.button(key=f"open_{mine.id}").label == "Open"


def test_a_database_that_is_none_is_one_sentence(
    open_page: OpenPage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tsexplorer.errors import UserError
    from tsexplorer.ui import app_state

    def broken() -> Service:
        raise UserError("The database is damaged; move it away.")

    monkeypatch.setattr(app_state, "_service", broken)
    page = open_page("home")
    assert errors(page) == ["The database is damaged; move it away."]
