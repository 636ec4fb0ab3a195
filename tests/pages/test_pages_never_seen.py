"""Never seen: the invitation, the figures of a trained student, and the slider."""

from __future__ import annotations

import time

import pytest

from tests.examples import TINY
from tests.pages.conftest import OpenPage, no_exception, words
from tsexplorer.services import demo
from tsexplorer.services.service import ACTIVE, Service
from tsexplorer.store import ExperimentSnapshot

SPEC = TINY.model_copy(update={"name": "no *threes*", "left_out": (3,)})
TRAINED_SECONDS = 60


@pytest.fixture
def trained(service: Service) -> ExperimentSnapshot:
    """A student that never saw a 3."""
    job = service.start(SPEC)
    end = time.monotonic() + TRAINED_SECONDS
    while service.store.job(job.id).status in ACTIVE and time.monotonic() < end:
        time.sleep(0.05)
    return service.experiment(job.experiment_id)


def test_on_a_new_machine_the_one_that_ships_is_shown_and_another_can_be_trained(
    open_page: OpenPage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(service.worker), "wake_worker", lambda _worker: None)
    service.worker.stop()  # nobody trains it
    page = open_page("never_seen")
    assert page.query_params["experiment"] == service.experiment(demo.NEVER_SEEN).id
    assert page.selectbox[0].options == ["The demo without threes"]
    assert "of 107 test images of 3" in words(page)
    assert "Test split of MNIST, first 1,000 of 10,000 images; seed 0" in words(page)
    assert "gets no image of some classes" in words(page)
    page.button(key="never_train").click().run()
    no_exception(page)
    found = service.experiment("never-seen-quick")
    assert page.query_params["experiment"] == found.id
    assert page.get("progress")[0].proto.text == "Waiting in the queue"


def test_one_that_trains_is_shown_before_any_of_ones_own_is_trained(
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
    assert "The demo without threes has one meanwhile" in words(page)
    box.set_value(service.experiment(demo.NEVER_SEEN).id).run()  # it is not in the way
    no_exception(page)
    assert page.slider
    assert not page.get("progress")
    box.set_value(job.experiment_id).run()
    assert page.get("progress")


def test_figures_follow_the_slider(open_page: OpenPage, trained: ExperimentSnapshot) -> None:
    page = open_page("never_seen", experiment=trained.id)
    said = words(page)
    assert "never shown an image of **3**" in said
    assert "of 50 test images of 3" in said
    (slider,) = page.slider
    assert len(page.get("plotly_chart")) == 3
    slider.set_value(slider.max).run()
    no_exception(page)
    assert "Never seen, right** 100.0 %" in words(page)  # everything is a 3 by now
    assert "**Distilled** 450 errors" in words(page)
    page.button(key="never_rule_none").click().run()
    no_exception(page)
    assert page.slider[0].value == 0
    assert page.query_params["bias"] == "0.0"
    again = open_page("never_seen", experiment=trained.id, bias="-0.5")
    assert again.slider[0].value == -0.5
    table = page.dataframe[0].value
    assert list(table["Rule"]) == [
        "As trained",
        "Label-free rule",
        "Chosen on validation",
        "Chosen on test",
    ]
    assert "10.0 % of validation’s answers, as in the training labels" in " ".join(
        table["How b is chosen"]
    )


def test_an_experiment_that_saw_all_is_said_and_not_shown(
    open_page: OpenPage, service: Service
) -> None:
    page = open_page("never_seen", experiment=demo.NAME)
    assert "saw images of all classes" in words(page)
    assert page.query_params["experiment"] == service.experiment(demo.NEVER_SEEN).id
    assert "Train it on 5,000 digits" in [one.label for one in page.button]


def test_a_bias_of_another_student_is_not_taken_along(
    open_page: OpenPage, service: Service, trained: ExperimentSnapshot
) -> None:
    page = open_page("never_seen", experiment=service.experiment(demo.NEVER_SEEN).id, bias="1.5")
    assert page.slider[0].value == 1.5
    page.selectbox[0].set_value(trained.id).run()
    no_exception(page)
    fitting = page.slider[0].value
    assert page.query_params["bias"] == str(fitting)
    assert fitting == open_page("never_seen", experiment=trained.id).slider[0].value
    waiting = service.enqueue(SPEC.model_copy(update={"name": "later", "seeds": (5,)}))
    page = open_page("never_seen", experiment=waiting.experiment_id, bias="1.5")
    assert "bias" not in page.query_params
