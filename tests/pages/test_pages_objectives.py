"""An experiment under an objective with options, wherever experiments are shown."""

from __future__ import annotations

import pytest

from tests.examples import TINY
from tests.jobs.jobs_examples import wait_until
from tests.pages.conftest import OpenPage, no_exception, words
from tsexplorer.services import demo
from tsexplorer.services.service import Service
from tsexplorer.specs import ObjectiveSpec
from tsexplorer.ui.live import TERMS


@pytest.fixture
def related(service: Service) -> str:
    """A tiny pair under relational KD, trained for an epoch."""
    objective = ObjectiveSpec(name="relational", temperature=1, lam=0, options={"angle": 5.0})
    spec = TINY.model_copy(update={"name": "related", "objective": objective})
    key = service.start(spec).experiment_id
    wait_until(lambda: service.experiment(key).done)
    return key


def test_train_shows_its_terms_compare_its_options_soft_targets_its_nets(
    open_page: OpenPage, service: Service, related: str
) -> None:
    page = open_page("train", experiment=related)
    assert "relational: CE in nats" in words(page)
    assert "angle = 5" in words(page)
    assert "T = " not in words(page)  # it has none
    assert len(page.get("echarts_chart")) == 2
    page.session_state[TERMS] = True
    page.run()
    no_exception(page)
    assert len(page.get("echarts_chart")) == 3
    assert "distance and angle: plain numbers" in words(page)

    page = open_page("compare", experiments=[related, service.experiment(demo.NAME).id])
    table = page.dataframe[-1].value
    assert table.loc["Relational KD (Park 2019): Weight β of angles", "related"] == "5"
    assert not page.error

    page = open_page("soft_targets", experiment=related, view="changes")
    assert page.dataframe[0].value["Net"].tolist() == ["Teacher", "Baseline", "Distilled"]
    assert not page.error


def test_train_shows_each_peer_beside_the_student(open_page: OpenPage, service: Service) -> None:
    objective = ObjectiveSpec(name="mutual", options={"peers": 2})
    spec = TINY.model_copy(update={"name": "cohort", "objective": objective})
    key = service.start(spec).experiment_id
    wait_until(lambda: service.experiment(key).done)
    page = open_page("train", experiment=key)
    no_exception(page)
    accuracy, loss = (one.proto for one in page.get("echarts_chart"))
    assert "Peer 1" in accuracy.spec
    assert "Peer 2" in accuracy.spec
    assert "Peer 3" not in accuracy.spec
    assert "Peer" not in loss.spec
    assert "Peer 1 to Peer 2: trained along with the distilled student" in words(page)
    page.session_state[TERMS] = True
    page.run()
    no_exception(page)
    assert "validation accuracy" not in page.get("echarts_chart")[2].proto.spec
    page.segmented_control(key="shown_Accuracy").set_value("Training").run()
    assert "Peer" not in page.get("echarts_chart")[0].proto.spec
