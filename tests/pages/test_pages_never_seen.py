"""The page Never seen: the choice of an experiment, its figures, and the bias slider."""

from __future__ import annotations

import time

import pytest

from tests.examples import TINY
from tests.pages.conftest import OpenPage, no_exception, page_text
from tsexplorer.services import demo
from tsexplorer.services.service import ACTIVE, Service
from tsexplorer.store import ExperimentSnapshot

SPEC = TINY.model_copy(update={"name": "no *threes*", "left_out": (3,)})
TRAINED_SECONDS = 60


@pytest.fixture
def trained(service: Service) -> ExperimentSnapshot:
    """A trained experiment whose student never saw a 3."""
    job = service.start(SPEC)
    end = time.monotonic() + TRAINED_SECONDS
    while service.store.job(job.id).status in ACTIVE and time.monotonic() < end:
        time.sleep(0.05)
    return service.experiment(job.experiment_id)


def test_a_new_store_shows_the_demo_and_can_train_another(
    open_page: OpenPage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(service.worker), "wake_worker", lambda _worker: None)
    service.worker.stop()  # the job stays in the queue
    page = open_page("never_seen")
    assert page.query_params["experiment"] == service.experiment(demo.NEVER_SEEN).id
    assert page.selectbox[0].options == ["The demo without threes"]
    assert "of 107 test images of 3" in page_text(page)
    assert "Test split of MNIST, first 1,000 of 10,000 images; seed 0" in page_text(page)
    assert "gets no image of some classes" in page_text(page)
    page.button(key="never_train").click().run()
    no_exception(page)
    experiment = service.experiment("never-seen-quick")
    assert page.query_params["experiment"] == experiment.id
    assert page.get("progress")[0].proto.text == "Waiting in the queue"


def test_an_experiment_at_work_is_shown_before_the_demo(
    open_page: OpenPage, service: Service
) -> None:
    service.enqueue(TINY)
    job = service.enqueue(SPEC)
    page = open_page("never_seen")
    no_exception(page)
    assert page.query_params["experiment"] == job.experiment_id
    assert page.get("progress")[0].proto.text == "Waiting in the queue (1 before it)"
    [box] = page.selectbox
    assert box.options == [SPEC.name, "The demo without threes"]
    assert "The demo without threes has one already" in page_text(page)
    box.set_value(service.experiment(demo.NEVER_SEEN).id).run()
    no_exception(page)
    assert page.slider
    assert not page.get("progress")
    box.set_value(job.experiment_id).run()
    assert page.get("progress")


def test_the_figures_follow_the_slider(open_page: OpenPage, trained: ExperimentSnapshot) -> None:
    page = open_page("never_seen", experiment=trained.id)
    text = page_text(page)
    assert "never shown an image of **3**" in text
    assert "of 50 test images of 3" in text
    (slider,) = page.slider
    assert len(page.get("plotly_chart")) == 3
    slider.set_value(slider.max).run()
    no_exception(page)
    assert "Never seen, right** 100.0 %" in page_text(page)  # the student answers 3 every time
    assert "**Distilled** 450 errors" in page_text(page)


def test_a_rule_and_a_link_move_the_slider(
    open_page: OpenPage, trained: ExperimentSnapshot
) -> None:
    page = open_page("never_seen", experiment=trained.id)
    page.button(key="never_rule_none").click().run()
    no_exception(page)
    assert page.slider[0].value == 0
    assert page.query_params["bias"] == "0.0"
    linked = open_page("never_seen", experiment=trained.id, bias="-0.5")
    assert linked.slider[0].value == -0.5


def test_the_table_explains_how_each_rule_chooses_the_bias(
    open_page: OpenPage, trained: ExperimentSnapshot
) -> None:
    table = open_page("never_seen", experiment=trained.id).dataframe[0].value
    assert list(table["Rule"]) == [
        "As trained",
        "Label-free rule",
        "Chosen on validation",
        "Chosen on test",
    ]
    sentence = "3 gets 10.0 % of the answers on validation, its share of the training labels"
    assert sentence in table["How b is chosen"][1]


def test_an_experiment_with_all_classes_is_replaced(open_page: OpenPage, service: Service) -> None:
    page = open_page("never_seen", experiment=demo.NAME)
    assert "was trained on images of all classes" in page_text(page)
    assert page.query_params["experiment"] == service.experiment(demo.NEVER_SEEN).id
    assert "Train it on 5,000 digits" in [button.label for button in page.button]


def test_another_student_does_not_get_the_bias_of_the_link(
    open_page: OpenPage, service: Service, trained: ExperimentSnapshot
) -> None:
    page = open_page("never_seen", experiment=service.experiment(demo.NEVER_SEEN).id, bias="1.5")
    assert page.slider[0].value == 1.5
    page.selectbox[0].set_value(trained.id).run()
    no_exception(page)
    own_bias = page.slider[0].value
    assert page.query_params["bias"] == str(own_bias)
    assert own_bias == open_page("never_seen", experiment=trained.id).slider[0].value
    waiting = service.enqueue(SPEC.model_copy(update={"name": "later", "seeds": (5,)}))
    page = open_page("never_seen", experiment=waiting.experiment_id, bias="1.5")
    assert "bias" not in page.query_params
