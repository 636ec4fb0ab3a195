"""The page Soft targets with imported images in colour, many classes and hostile names."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from tests.examples import TINY
from tests.jobs.experiment_examples import wait_until
from tests.pages.conftest import OpenPage, no_exception, page_text
from tsexplorer.importing.preparation import ImportOptions
from tsexplorer.services.service import Service
from tsexplorer.specs import ROLES, DataSpec, TrainSpec
from tsexplorer.ui.soft_targets.page_state import VIEWS

HOSTILE = (
    *("<b>bold<b>", "$x$ _a_ *b* `c`", "%{y} [link](x)", "漢字かな交じり文の長いクラス名です"),
    *("🦊🦊🦊 fox", "n" * 200, "שלום עולם", "all"),
)
SIZES = {3: (48, 64), 40: (20, 16)}


def class_names(count: int) -> list[str]:
    rest = [f"species of the north {number:02}" for number in range(count - len(HOSTILE))]
    return [*HOSTILE[:count], *rest]


def trained(service: Service, folder: Path, count: int) -> str:
    """Import images of some classes in colour, train on them, and return the experiment's id."""
    height, width = SIZES[count]
    random = np.random.default_rng(count)
    path = folder / "images.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in class_names(count):
            for number in range(8):
                content = io.BytesIO()
                pixels = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(content, "PNG")
                archive.writestr(f"images/{name}/{number}.png", content.getvalue())
    options = ImportOptions(height=height, width=width)
    dataset = service.datasets.prepare(path, path.name, options).keep("My <i>images</i>")
    train = {f"{role}_train": TrainSpec(epochs=1, batch_size=8) for role in ROLES}
    data = DataSpec(name=dataset.info.name)
    spec = TINY.model_copy(update={"name": "own", "data": data, **train})
    key = service.start(spec).experiment_id
    wait_until(
        lambda: all(service.experiment(key).stage(0, role).status == "done" for role in ROLES)
    )
    return key


def component_data(page: AppTest) -> dict[str, Any]:
    """The data of the page's component in the browser."""
    data: dict[str, Any] = json.loads(page.get("bidi_component")[0].proto.json)
    return data


@pytest.mark.parametrize("count", [3, 40])
def test_all_views_show_images_in_colour(
    open_page: OpenPage, service: Service, tmp_path: Path, count: int
) -> None:
    key = trained(service, tmp_path, count)
    height, width = SIZES[count]
    shape = {"height": height, "width": width, "channels": 3}
    pages = {view: open_page("soft_targets", view=view, experiment=key) for view in VIEWS}
    for page in pages.values():
        assert not page.error
        assert not page.warning
        assert "<i>" not in page_text(page)
    image = component_data(pages["lens"])["image"]
    assert {name: image[name] for name in shape} == shape
    thumbnails = component_data(pages["map"])["images"]
    assert max(thumbnails["height"], thumbnails["width"]) <= 32
    assert len(thumbnails["pixels"]) <= 4 / 3 * 32 * 32 * 3 * len(service_labels(service, key)) + 4
    captions = [button.label for button in pages["images"].button]
    assert not any("<b>" in caption or "n" * 20 in caption for caption in captions)


def service_labels(service: Service, key: str) -> list[int]:
    dataset = service.experiment(key).spec.data.name
    return service.inference.images(dataset, "validation").labels_N.tolist()


def test_many_classes_are_reduced_and_can_be_chosen(
    open_page: OpenPage, service: Service, tmp_path: Path
) -> None:
    key = trained(service, tmp_path, 40)
    lens = component_data(open_page("soft_targets", view="lens", experiment=key))
    assert len(lens["classes"]) == len(set(lens["short"])) == 40
    assert len(lens["rows"]) in (10, 11)

    page = open_page("soft_targets", view="classes", experiment=key)
    assert "Shown: 20 of 40 classes" in page_text(page)
    before = component_data(page)
    assert len(before["rows"]["names"]) == len(before["matrices"][0]["cells"]) == 20
    hidden = next(name for name in lens["classes"] if name not in before["rows"]["titles"])
    label = lens["classes"].index(hidden)
    page.multiselect[0].set_value([label]).run()
    no_exception(page)
    after = component_data(page)
    assert hidden in after["rows"]["titles"]
    assert len(after["columns"]["names"]) == 21

    page = open_page("soft_targets", view="changes", experiment=key)
    assert "Shown: 20 of 40 classes" in page_text(page)
    assert len(page.get("plotly_chart")) == 4


def test_a_class_called_all_can_be_filtered(
    open_page: OpenPage, service: Service, tmp_path: Path
) -> None:
    key = trained(service, tmp_path, 40)
    page = open_page("soft_targets", view="images", experiment=key)
    box = page.selectbox(key="rank_class")
    assert len(set(box.options)) == 41
    everything, *names = box.options
    assert everything == "all"
    own = next(name for name in names if name.startswith("all"))
    box.set_value(own).run()
    no_exception(page)
    ranked = [button for button in page.button if (button.key or "").startswith("ranked_")]
    labels = service_labels(service, key)
    classes = service.inference.images(service.experiment(key).spec.data.name, "test").classes
    assert 0 < len(ranked) < len(labels)
    assert {classes[labels[int(button.key.rpartition("_")[2])]] for button in ranked} == {"all"}
