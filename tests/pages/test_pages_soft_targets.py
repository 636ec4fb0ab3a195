"""Soft targets: every view on the demo's nets, the state in the URL, and what may be missing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.examples import TINY
from tests.jobs.jobs_examples import wait_until
from tests.pages.conftest import OpenPage, errors, no_exception, words
from tsexplorer.analysis import embedding
from tsexplorer.analysis.embedding import Sight
from tsexplorer.analysis.soft_targets import soft_targets
from tsexplorer.services import demo
from tsexplorer.services.service import Service
from tsexplorer.ui.soft_targets.page_state import IMAGE, VIEW, VIEWS

FIGURES = {"lens": 0, "classes": 0, "images": 0, "changes": 4, "map": 0, "loss": 3}


@pytest.mark.parametrize("view", list(VIEWS))
def test_without_ones_own_every_view_shows_the_demo(open_page: OpenPage, view: str) -> None:
    page = open_page("soft_targets", view=view)
    assert not page.error
    assert not page.warning
    assert len(page.get("plotly_chart")) == FIGURES[view]
    assert page.session_state[VIEW[0]] == view


def test_the_url_names_experiment_image_temperature_split_and_view(
    open_page: OpenPage, service: Service
) -> None:
    page = open_page("soft_targets", view="loss", image="7", T="2.5", split="test")
    assert page.number_input(key=IMAGE[0]).value == 7
    assert page.select_slider(key="soft.T").value == 2.5
    assert "2.5^2" in page.latex[0].value
    assert "est split of" in words(page)
    assert page.query_params["experiment"] == service.experiment(demo.NAME).id
    assert page.query_params["image"] == "7"


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("T", "nan"), ("T", "0"), ("image", "-3"), ("image", "999999"), ("view", "x"), ("split", "x")],
)
def test_a_url_that_makes_no_sense_shows_something_all_the_same(
    open_page: OpenPage, parameter: str, value: str
) -> None:
    page = open_page("soft_targets", **{parameter: value})
    assert not page.error
    assert page.session_state[VIEW[0]] == "lens"


def test_an_experiment_that_is_not_there_is_said(open_page: OpenPage) -> None:
    page = open_page("soft_targets", experiment="gone")
    assert len(page.warning) == 1
    assert "Shown instead: the demo" in page.warning[0].value
    assert not page.error


def test_an_untrained_experiment_is_said(open_page: OpenPage, service: Service) -> None:
    key = service.enqueue(TINY).experiment_id
    page = open_page("soft_targets", experiment=key)
    assert "No net of tiny is trained yet" in page.warning[0].value
    assert not page.error


def test_missing_weights_are_one_sentence_and_the_rest_stays(
    open_page: OpenPage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tsexplorer.services import inference

    lost = service.experiment(demo.NAME).stage(0, "distilled").hash
    found = inference.weights_path
    monkeypatch.setattr(
        inference, "weights_path", lambda folder, key: None if key == lost else found(folder, key)
    )
    page = open_page("soft_targets", view="changes")
    assert [one.value for one in page.warning] == [
        r"Distilled: The weights of this net are missing; train the experiment again\."
    ]
    table = page.dataframe[0].value
    assert table["Net"].tolist() == ["Teacher", "Baseline"]


def test_data_that_cannot_be_had_is_one_sentence(open_page: OpenPage, service: Service) -> None:
    spec = service.experiment(demo.NAME).spec
    foreign = spec.model_copy(
        update={
            "name": "foreign",
            "data": spec.data.model_copy(update={"name": "fashion-mnist"}),
        }
    )
    kept = service.store.add_experiment(foreign, service.check(foreign).stages)
    for link in kept.stages:
        service.store.stage_started(link.stage.hash, parameters=1, machine="here")
        service.store.stage_ended(
            link.stage.hash,
            "done",
            validation_accuracy=0.9,
            validation_loss=0.1,
            test_accuracy=0.9,
            train_seconds=1.0,
            kept_epoch=1,
        )
    page = open_page("soft_targets", experiment=kept.id)
    assert errors(page) == [
        "The images of Fashion-MNIST are not here; download them on the Train page."
    ]
    box = page.selectbox(key="soft.experiment")
    assert box.value == kept.id
    other = service.experiment(demo.NAME).id
    box.set_value(other).run()
    assert page.selectbox(key="soft.experiment").value == other
    assert page.query_params["experiment"] == other
    assert not page.error


def test_the_table_of_changes_says_what_the_nets_answer(
    open_page: OpenPage, service: Service
) -> None:
    page = open_page("soft_targets", view="changes")
    experiment = service.experiment(demo.NAME)
    teacher = service.reading.answers(experiment.stage(0, "teacher"), "validation")
    pupil = service.reading.answers(experiment.stage(0, "distilled"), "validation")
    table = page.dataframe[0].value.set_index("Net")
    agreed = (teacher.logits_NC.argmax(1) == pupil.logits_NC.argmax(1)).mean()
    assert table.loc["Distilled", "Agreement with the teacher (%)"] == round(100 * agreed, 2)
    p_NC, q_NC = (soft_targets(one.logits_NC, 4.0) for one in (teacher, pupil))
    divergence = (p_NC * np.log(p_NC / q_NC)).sum(1).mean()
    assert table.loc["Distilled", "KL to the teacher (nats)"] == round(float(divergence), 4)


def test_a_picture_opens_in_the_lens(open_page: OpenPage) -> None:
    page = open_page("soft_targets", view="images")
    pictures = [one for one in page.button if (one.key or "").startswith("ranked_")]
    assert len(pictures) == 28
    place = int(pictures[3].key.rpartition("_")[2])
    pictures[3].click().run()
    no_exception(page)
    assert page.session_state[VIEW[0]] == "lens"
    assert page.number_input(key=IMAGE[0]).value == place


def test_filters_leave_the_images_they_name(open_page: OpenPage) -> None:
    page = open_page("soft_targets", view="images")
    page.selectbox(key="rank_filter").set_value("gained").run()
    no_exception(page)
    page.selectbox(key="rank_class").set_value("3").run()
    no_exception(page)
    labels = {one.label[0] for one in page.button if (one.key or "").startswith("ranked_")}
    assert labels <= {"3"}


def test_image_and_temperature_outlast_a_view_that_does_not_ask_for_them(
    open_page: OpenPage,
) -> None:
    page = open_page("soft_targets", view="loss", image="7", T="2.5")
    for view in ("map", "changes", "loss"):
        page.button_group(key=VIEW[0]).set_value(view).run()
        no_exception(page)
        page.run()
    assert page.number_input(key=IMAGE[0]).value == 7
    assert page.select_slider(key="soft.T").value == 2.5
    assert (page.query_params["image"], page.query_params["T"]) == ("7", "2.5")


def drawn_map(page: AppTest) -> dict[str, Any]:
    """What the browser is sent of the map."""
    data: dict[str, Any] = json.loads(page.get("bidi_component")[0].proto.json)
    return data


def test_the_map_shows_each_nets_answers(open_page: OpenPage, service: Service) -> None:
    data = drawn_map(open_page("soft_targets", view="map"))
    experiment = service.experiment(demo.NAME)
    assert [one["role"] for one in data["maps"]] == ["teacher", "distilled"]
    assert [one["role"] for one in data["answers"]] == ["teacher", "baseline", "distilled"]
    for one in data["answers"]:
        z_NC = service.reading.answers(experiment.stage(0, one["role"]), "validation").logits_NC
        assert one["classes"] == z_NC[data["places"]].argmax(1).tolist()


def test_t_sne_takes_the_place_of_pca_once_it_is_there(
    open_page: OpenPage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def slow(x_NF: Any, seed: int) -> Iterator[Sight]:
        yield Sight(0.25, np.zeros((len(x_NF), 2), np.float32))
        go_on.wait(60)
        yield Sight(1.0, np.full((len(x_NF), 2), 7, np.float32))

    monkeypatch.setitem(embedding.METHODS, "tsne", slow)
    page = open_page("soft_targets", view="map")
    page.button_group(key="map_method").set_value("tsne").run()
    no_exception(page)
    assert drawn_map(page)["file"] == "features-pca"
    page.button(key="map_cancel").click().run()
    no_exception(page)
    assert "t-SNE was not finished" in words(page)
    page.button(key="map_again").click().run()
    no_exception(page)
    go_on.set()

    def there() -> bool:
        page.run()
        return bool(drawn_map(page)["file"] == "features-tsne")

    wait_until(there)
    no_exception(page)
    assert drawn_map(page)["maps"][0]["axes"] == ["t-SNE 1", "t-SNE 2"]
    assert drawn_map(page)["maps"][1]["points"][0] == [7, 7]
    assert not [one for one in page.button if one.key == "map_cancel"]


def test_the_browser_is_told_a_value_that_stood_before_its_widget(open_page: OpenPage) -> None:
    """Else it shows its own first value, 0, beside the picture of another image."""
    page = open_page("soft_targets", view="lens")
    for view in ("classes", "images", "changes", "map", "loss"):
        page.button_group(key=VIEW[0]).set_value(view).run()
    place = page.number_input(key=IMAGE[0])
    assert place.value > 0
    assert place.proto.set_value
    assert place.proto.value == place.value
    slider = page.select_slider(key="soft.T")
    assert slider.proto.set_value or slider.proto.default


def test_the_loss_begins_at_the_experiments_lambda(open_page: OpenPage, service: Service) -> None:
    page = open_page("soft_targets", view="loss")
    demo_pair = service.experiment(demo.NAME)
    slider = page.slider(key=f"loss_lambda.{demo_pair.id}")
    assert slider.value == demo_pair.spec.objective.lam
