"""The page Home: the figures of the demo, the user's experiments, a store that cannot be opened."""

from __future__ import annotations

import pytest

from tests.pages.conftest import OpenPage, errors, page_text
from tsexplorer.data.base import ImageTask
from tsexplorer.errors import UserError
from tsexplorer.services import demo
from tsexplorer.services.service import Service
from tsexplorer.ui import app_state


def test_the_demo_is_shown_with_split_seed_and_loss(open_page: OpenPage, service: Service) -> None:
    page = open_page("home")
    text = page_text(page)
    experiment = service.experiment(demo.NAME)
    for link in experiment.stages:
        assert f"{100 * link.stage.test_accuracy:.2f} %" in text
        assert f"{link.stage.parameters:,} parameters" in text
    nets = (experiment.spec.teacher, experiment.spec.student)
    teacher_macs, student_macs = (service.count(net, ImageTask(10)).macs for net in nets)
    assert f"**{teacher_macs / student_macs:.3g} times fewer**" in text
    assert "Test split" in text
    assert "seed 0" in text
    assert "hinton: λ·CE + (1 − λ)·T²·KL" in text
    assert len(page.get("plotly_chart")) == 1


def test_there_is_no_list_without_own_experiments(open_page: OpenPage) -> None:
    assert "Your experiments" not in page_text(open_page("home"))


def test_own_experiments_are_listed_by_escaped_name(open_page: OpenPage, service: Service) -> None:
    spec = service.experiment(demo.NAME).spec.model_copy(update={"name": "mine *bold* :red[x]"})
    experiment = service.store.add_experiment(spec, service.check(spec).stages)
    page = open_page("home")
    text = page_text(page)
    assert "Your experiments" in text
    assert r"mine \*bold\* \:red\[x\]" in text
    assert page.button(key=f"open_{experiment.id}").label == "Open"


def test_a_store_that_cannot_be_opened_is_one_error(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> Service:
        raise UserError("The database is damaged; move it to another folder.")

    monkeypatch.setattr(app_state, "open_service", fail)
    page = open_page("home")
    assert errors(page) == ["The database is damaged; move it to another folder."]
