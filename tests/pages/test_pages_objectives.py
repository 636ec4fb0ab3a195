"""Experiments with other objectives on Train, Compare and Soft targets."""

from __future__ import annotations

import pytest

from tests.examples import TINY
from tests.jobs.experiment_examples import wait_until
from tests.pages.conftest import OpenPage, no_exception, page_text
from tsexplorer.services import demo
from tsexplorer.services.service import Service
from tsexplorer.specs import ObjectiveSpec
from tsexplorer.ui.live import TERMS_OPEN


@pytest.fixture
def relational(service: Service) -> str:
    """A tiny pair under relational KD, trained for an epoch."""
    objective = ObjectiveSpec(name="relational", temperature=1, lam=0, options={"angle": 5.0})
    spec = TINY.model_copy(update={"name": "relational", "objective": objective})
    key = service.start(spec).experiment_id
    wait_until(lambda: service.experiment(key).done)
    return key


def test_pages_show_an_objective_with_options(
    open_page: OpenPage, service: Service, relational: str
) -> None:
    page = open_page("train", experiment=relational)
    assert "relational: CE in nats" in page_text(page)
    assert "angle = 5" in page_text(page)
    assert "T = " not in page_text(page)  # this objective has no T
    assert len(page.get("echarts_chart")) == 2
    page.session_state[TERMS_OPEN] = True
    page.run()
    no_exception(page)
    assert len(page.get("echarts_chart")) == 3
    assert "distance and angle: plain numbers" in page_text(page)

    page = open_page("compare", experiments=[relational, service.experiment(demo.NAME).id])
    table = page.dataframe[-1].value
    assert table.loc["Relational KD (Park 2019): Weight β of angles", "relational"] == "5"
    assert not page.error

    page = open_page("soft_targets", experiment=relational, view="changes")
    assert page.dataframe[0].value["Net"].tolist() == ["Teacher", "Baseline", "Distilled"]
    assert not page.error


def test_train_shows_the_accuracy_of_each_peer(open_page: OpenPage, service: Service) -> None:
    objective = ObjectiveSpec(name="mutual", options={"peers": 2})
    spec = TINY.model_copy(update={"name": "cohort", "objective": objective})
    key = service.start(spec).experiment_id
    wait_until(lambda: service.experiment(key).done)
    page = open_page("train", experiment=key)
    no_exception(page)
    accuracy, loss = (chart.proto for chart in page.get("echarts_chart"))
    assert "Peer 1" in accuracy.spec
    assert "Peer 2" in accuracy.spec
    assert "Peer 3" not in accuracy.spec
    assert "Peer" not in loss.spec
    assert "Peer 1 to Peer 2: trained along with the distilled student" in page_text(page)
    page.session_state[TERMS_OPEN] = True
    page.run()
    no_exception(page)
    assert "validation accuracy" not in page.get("echarts_chart")[2].proto.spec
    page.segmented_control(key="shown_Accuracy").set_value("Training").run()
    assert "Peer" not in page.get("echarts_chart")[0].proto.spec
