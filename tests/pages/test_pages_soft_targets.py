"""The page Soft targets: its views on the nets of the demo, the URL, and missing data."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.examples import TINY
from tests.jobs.experiment_examples import wait_until
from tests.pages.conftest import OpenPage, errors, no_exception, page_text
from tsexplorer.analysis import embedding
from tsexplorer.analysis.embedding import LayoutStep
from tsexplorer.analysis.soft_targets import soft_targets
from tsexplorer.services import demo
from tsexplorer.services.service import Service
from tsexplorer.ui.soft_targets.page_state import IMAGE, VIEW, VIEWS

FIGURES = {"lens": 0, "classes": 0, "images": 0, "changes": 4, "map": 0, "loss": 3}


@pytest.mark.parametrize("view", list(VIEWS))
def test_every_view_shows_the_demo_by_default(open_page: OpenPage, view: str) -> None:
    page = open_page("soft_targets", view=view)
    assert not page.error
    assert not page.warning
    assert len(page.get("plotly_chart")) == FIGURES[view]
    assert page.session_state[VIEW.key] == view


def test_the_url_sets_experiment_image_t_split_and_view(
    open_page: OpenPage, service: Service
) -> None:
    page = open_page("soft_targets", view="loss", image="7", T="2.5", split="test")
    assert page.number_input(key=IMAGE.key).value == 7
    assert page.select_slider(key="soft.T").value == 2.5
    assert "2.5^2" in page.latex[0].value
    assert "est split of" in page_text(page)
    assert page.query_params["experiment"] == service.experiment(demo.NAME).id
    assert page.query_params["image"] == "7"


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("T", "nan"), ("T", "0"), ("image", "-3"), ("image", "999999"), ("view", "x"), ("split", "x")],
)
def test_invalid_url_parameters_are_ignored(
    open_page: OpenPage, parameter: str, value: str
) -> None:
    page = open_page("soft_targets", **{parameter: value})
    assert not page.error
    assert page.session_state[VIEW.key] == "lens"


def test_an_unknown_experiment_is_a_warning(open_page: OpenPage) -> None:
    page = open_page("soft_targets", experiment="gone")
    assert len(page.warning) == 1
    assert "Shown instead: the demo" in page.warning[0].value
    assert not page.error


def test_an_untrained_experiment_is_a_warning(open_page: OpenPage, service: Service) -> None:
    key = service.enqueue(TINY).experiment_id
    page = open_page("soft_targets", experiment=key)
    assert "tiny has no trained net yet" in page.warning[0].value
    assert not page.error


def test_a_net_without_weights_is_a_warning(
    open_page: OpenPage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tsexplorer.services import inference

    missing = service.experiment(demo.NAME).stage(0, "distilled").hash
    weights_path = inference.weights_path
    monkeypatch.setattr(
        inference,
        "weights_path",
        lambda folder, key: None if key == missing else weights_path(folder, key),
    )
    page = open_page("soft_targets", view="changes")
    assert [warning.value for warning in page.warning] == [
        r"Distilled: The weights of this net are missing; train the experiment again\."
    ]
    table = page.dataframe[0].value
    assert table["Net"].tolist() == ["Teacher", "Baseline"]


def test_images_that_are_not_downloaded_are_an_error(open_page: OpenPage, service: Service) -> None:
    spec = service.experiment(demo.NAME).spec
    unavailable = spec.model_copy(
        update={
            "name": "unavailable",
            "data": spec.data.model_copy(update={"name": "fashion-mnist"}),
        }
    )
    experiment = service.store.add_experiment(unavailable, service.check(unavailable).stages)
    for link in experiment.stages:
        service.store.record_stage_started(link.stage.hash, parameters=1, machine="here")
        service.store.record_stage_ended(
            link.stage.hash,
            "done",
            validation_accuracy=0.9,
            validation_loss=0.1,
            test_accuracy=0.9,
            train_seconds=1.0,
            kept_epoch=1,
        )
    page = open_page("soft_targets", experiment=experiment.id)
    assert errors(page) == [
        "The images of Fashion-MNIST are not downloaded; download them on the Train page."
    ]
    box = page.selectbox(key="soft.experiment")
    assert box.value == experiment.id
    other = service.experiment(demo.NAME).id
    box.set_value(other).run()
    assert page.selectbox(key="soft.experiment").value == other
    assert page.query_params["experiment"] == other
    assert not page.error


def test_agreement_and_kl_follow_from_the_logits(open_page: OpenPage, service: Service) -> None:
    page = open_page("soft_targets", view="changes")
    experiment = service.experiment(demo.NAME)
    teacher = service.inference.answers(experiment.stage(0, "teacher"), "validation")
    student = service.inference.answers(experiment.stage(0, "distilled"), "validation")
    table = page.dataframe[0].value.set_index("Net")
    agreement = (teacher.logits_NC.argmax(1) == student.logits_NC.argmax(1)).mean()
    assert table.loc["Distilled", "Agreement with the teacher (%)"] == round(100 * agreement, 2)
    p_NC, q_NC = (soft_targets(net.logits_NC, 4.0) for net in (teacher, student))
    divergence = (p_NC * np.log(p_NC / q_NC)).sum(1).mean()
    assert table.loc["Distilled", "KL to the teacher (nats)"] == round(float(divergence), 4)


def test_a_click_opens_an_image_in_the_lens(open_page: OpenPage) -> None:
    page = open_page("soft_targets", view="images")
    buttons = [button for button in page.button if (button.key or "").startswith("ranked_")]
    assert len(buttons) == 28
    index = int(buttons[3].key.rpartition("_")[2])
    buttons[3].click().run()
    no_exception(page)
    assert page.session_state[VIEW.key] == "lens"
    assert page.number_input(key=IMAGE.key).value == index


def test_a_class_filter_keeps_only_that_class(open_page: OpenPage) -> None:
    page = open_page("soft_targets", view="images")
    page.selectbox(key="rank_filter").set_value("gained").run()
    no_exception(page)
    page.selectbox(key="rank_class").set_value("3").run()
    no_exception(page)
    labels = {button.label[0] for button in page.button if (button.key or "").startswith("ranked_")}
    assert labels <= {"3"}


def test_views_without_image_and_t_keep_them(open_page: OpenPage) -> None:
    page = open_page("soft_targets", view="loss", image="7", T="2.5")
    for view in ("map", "changes", "loss"):
        page.button_group(key=VIEW.key).set_value(view).run()
        no_exception(page)
        page.run()
    assert page.number_input(key=IMAGE.key).value == 7
    assert page.select_slider(key="soft.T").value == 2.5
    assert (page.query_params["image"], page.query_params["T"]) == ("7", "2.5")


def drawn_map(page: AppTest) -> dict[str, Any]:
    """The data of the map that the browser gets."""
    data: dict[str, Any] = json.loads(page.get("bidi_component")[0].proto.json)
    return data


def test_the_map_has_the_answers_of_each_net(open_page: OpenPage, service: Service) -> None:
    data = drawn_map(open_page("soft_targets", view="map"))
    experiment = service.experiment(demo.NAME)
    assert [net_map["role"] for net_map in data["maps"]] == ["teacher", "distilled"]
    assert [answers["role"] for answers in data["answers"]] == [
        *("teacher", "baseline", "distilled")
    ]
    for answers in data["answers"]:
        stage = experiment.stage(0, answers["role"])
        z_NC = service.inference.answers(stage, "validation").logits_NC
        assert answers["classes"] == z_NC[data["places"]].argmax(1).tolist()


def test_pca_is_shown_until_t_sne_is_computed(
    open_page: OpenPage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    proceed = threading.Event()

    def slow(x_NF: Any, seed: int) -> Iterator[LayoutStep]:
        yield LayoutStep(0.25, np.zeros((len(x_NF), 2), np.float32))
        proceed.wait(60)
        yield LayoutStep(1.0, np.full((len(x_NF), 2), 7, np.float32))

    monkeypatch.setitem(embedding.METHODS, "tsne", slow)
    page = open_page("soft_targets", view="map")
    page.button_group(key="map_method").set_value("tsne").run()
    no_exception(page)
    assert drawn_map(page)["file"] == "features-pca"
    page.button(key="map_cancel").click().run()
    no_exception(page)
    assert "t-SNE was not finished" in page_text(page)
    page.button(key="map_again").click().run()
    no_exception(page)
    proceed.set()

    def shows_tsne() -> bool:
        page.run()
        return bool(drawn_map(page)["file"] == "features-tsne")

    wait_until(shows_tsne)
    no_exception(page)
    assert drawn_map(page)["maps"][0]["axes"] == ["t-SNE 1", "t-SNE 2"]
    assert drawn_map(page)["maps"][1]["points"][0] == [7, 7]
    assert not [button for button in page.button if button.key == "map_cancel"]


def test_the_browser_gets_values_set_before_their_widgets(open_page: OpenPage) -> None:
    """Without its value the browser would show 0 beside the picture of another image."""
    page = open_page("soft_targets", view="lens")
    for view in ("classes", "images", "changes", "map", "loss"):
        page.button_group(key=VIEW.key).set_value(view).run()
    field = page.number_input(key=IMAGE.key)
    assert field.value > 0
    assert field.proto.set_value
    assert field.proto.value == field.value
    slider = page.select_slider(key="soft.T")
    assert slider.proto.set_value or slider.proto.default


def test_the_loss_view_starts_at_the_experiments_lambda(
    open_page: OpenPage, service: Service
) -> None:
    page = open_page("soft_targets", view="loss")
    demo_pair = service.experiment(demo.NAME)
    slider = page.slider(key=f"loss_lambda.{demo_pair.id}")
    assert slider.value == demo_pair.spec.objective.lam
