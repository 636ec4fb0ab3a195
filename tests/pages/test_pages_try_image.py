"""The page Try an image with nets for colour images: samples, uploads, bad files, no pad."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from streamlit.testing.v1 import AppTest

from tests.imaging.image_files import encode_pixels
from tests.pages.conftest import OpenPage, errors, no_exception, page_text, train_study
from tests.pages.try_image_actions import CARDS, answers, mark_values, marks, scores, upload
from tsexplorer.analysis.inference import SplitName
from tsexplorer.importing.example_images import draw_example
from tsexplorer.importing.preparation import ImportOptions
from tsexplorer.services import demo
from tsexplorer.services.inference import Images
from tsexplorer.services.service import Service
from tsexplorer.specs import (
    DataSpec,
    ExperimentSpec,
    ModelSpec,
    NetConfig,
    ObjectiveSpec,
    TrainSpec,
)
from tsexplorer.ui.digit import inputs, unusual

LONG_NAME = "an *especially* long name of a class that fits no card"
CLASSES = ("disc", LONG_NAME, "星")
HEIGHT, WIDTH = 24, 16
PER_CLASS = 80
SHORT = TrainSpec(epochs=1, batch_size=24)


@pytest.fixture
def images(service: Service, tmp_path: Path) -> str:
    """The ID of an experiment, trained on imported colour images of 24 by 16 pixels."""
    random = np.random.RandomState(3)
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for name in CLASSES:
            for number in range(PER_CLASS):
                image = draw_example(lambda: [[(-1, -1), (1, -1), (0, 1)]], random)
                packed.writestr(f"{name}/{number}.png", encode_pixels(np.asarray(image)))
    options = ImportOptions(height=HEIGHT, width=WIDTH, validation_share=0.5, test_share=0.2)
    dataset = service.datasets.prepare(path, "images.zip", options).keep("My <b>images</b>")
    spec = ExperimentSpec(
        name="shapes",
        data=DataSpec(name=dataset.name),
        teacher=ModelSpec(name="custom", net=NetConfig(dense=(8,))),
        student=ModelSpec(name="custom", net=NetConfig(dense=(4,))),
        objective=ObjectiveSpec(temperature=2.0, lam=0.5),
        teacher_train=SHORT,
        baseline_train=SHORT,
        distilled_train=SHORT,
    )
    train_study(service, spec, "shapes")
    return service.experiment("shapes").id


def picture(height: int, width: int, level: int | None = None) -> bytes:
    """A PNG in colour: noise around grey, or one level."""
    random = np.random.default_rng(5)
    pixels: NDArray[np.uint8] = random.integers(60, 190, (height, width, 3)).astype(np.uint8)
    if level is not None:
        pixels[:] = level
    return encode_pixels(pixels)


def names(page: AppTest) -> list[str]:
    """The answers without the escapes of markdown."""
    return [answer.replace("\\", "") for answer in answers(page)]


def step_titles(page: AppTest) -> list[str]:
    """The titles of the steps from picture to net input."""
    lines = [caption.value.split("**") for caption in page.caption]
    titles = [parts[1].replace("\\", "") for parts in lines if len(parts) > 2 and not parts[0]]
    return [title for title in titles if "%" not in title]


def test_samples_are_answered_with_the_names_of_the_classes(
    open_page: OpenPage, images: str
) -> None:
    page = open_page("try_digit", experiment=images)
    assert page.query_params["source"] == "samples"
    assert not page.error
    assert len(answers(page)) == CARDS
    shown = {"disc", "星", "an *especially* long na…"}
    assert set(names(page)) <= shown
    page.selectbox(key=class_key(page)).set_value(LONG_NAME).run()
    no_exception(page)
    assert "Label: **an \\*especially\\* long na…**" in page_text(page)
    assert "trained on My \\<b\\>images\\<\\/b\\> only" in page_text(page).replace("</", "<\\/")
    assert "pen stroke" not in page_text(page)


def class_key(page: AppTest) -> str:
    """The key of the choice of the class."""
    return next(box.key for box in page.selectbox if (box.key or "").startswith("digit.class"))


@pytest.mark.parametrize("source", ["draw", "samples"])
def test_there_is_no_pad(open_page: OpenPage, images: str, source: str) -> None:
    page = open_page("try_digit", experiment=images, source=source)
    assert not page.error
    assert not page.warning
    assert page.query_params["source"] == "samples"
    (sources,) = [item for item in page.segmented_control if item.key == "digit.source"]
    assert sources.options == ["Upload", "Camera", "Samples"]
    assert not page.get("bidi_component")


def test_the_pad_returns_with_a_net_for_digits(
    open_page: OpenPage, images: str, service: Service
) -> None:
    page = open_page("try_digit", experiment=images)
    page.selectbox(key="digit.experiment").set_value(service.experiment(demo.NAME).id).run()
    no_exception(page)
    assert not page.error
    (sources,) = [item for item in page.segmented_control if item.key == "digit.source"]
    assert sources.options[0] == "Draw"
    assert len(answers(page)) == CARDS


def test_an_upload_is_fitted(open_page: OpenPage, images: str) -> None:
    page = open_page("try_digit", experiment=images, source="upload")
    assert "net input of 16 × 24 pixels" in page_text(page)
    upload(page, ("wide.png", picture(40, 120)))
    assert len(answers(page)) == CARDS
    assert step_titles(page) == ["1. Original", "2. Cropped", "Net input"]
    fit = next(item for item in page.segmented_control if (item.key or "").startswith("digit.fit"))
    assert fit.value == "crop"
    before = page.session_state[inputs.PICTURES]
    fit.set_value("pad").run()
    no_exception(page)
    assert step_titles(page) == ["1. Original", "2. Padded", "Net input"]
    (cropped,), (padded,) = before.values(), page.session_state[inputs.PICTURES].values()
    assert cropped.net_inputs[0].pixels.shape == padded.net_inputs[0].pixels.shape
    assert (cropped.net_inputs[0].pixels != padded.net_inputs[0].pixels).any()
    assert not page.toggle(key="digit_lens_on").value
    assert "Override" not in page_text(page)


def test_a_picture_with_the_shape_of_the_net_input_is_unchanged(
    open_page: OpenPage, images: str
) -> None:
    page = open_page("try_digit", experiment=images, source="upload")
    content = picture(HEIGHT, WIDTH)
    upload(page, ("same.png", content))
    assert "This picture already is a net input" in page_text(page)
    assert step_titles(page) == ["Net input"]
    (read,) = page.session_state[inputs.PICTURES].values()
    assert np.array_equal(read.net_inputs[0].pixels, np.asarray(Image.open(io.BytesIO(content))))


def test_a_broken_file_is_one_sentence_beside_the_answers(open_page: OpenPage, images: str) -> None:
    page = open_page("try_digit", experiment=images, source="upload")
    good = picture(50, 50)
    upload(page, ("<b>a</b>.png", good[:80]), ("text.png", b"hello"), ("good.png", good))
    broken, text = errors(page)
    assert broken.startswith("“b>.png” is a damaged")
    assert "not a picture" in text
    assert len(answers(page)) == CARDS


def test_files_beyond_the_limit_are_left_out(open_page: OpenPage, images: str) -> None:
    page = open_page("try_digit", experiment=images, source="upload")
    content = picture(20, 20)
    upload(page, *[(f"{number}.png", content) for number in range(inputs.MAX_FILES + 1)])
    assert "21 files are too many at once" in page.warning[0].value
    assert len(answers(page)) == CARDS * inputs.MAX_FILES
    assert "Image 1 of 20" in page_text(page)


def test_answers_of_colour_images_are_scored_and_packed(open_page: OpenPage, images: str) -> None:
    page = open_page("try_digit", experiment=images, source="upload")
    upload(page, ("noise.png", picture(50, 70)))
    assert all("*especially*" not in control.label for control in marks(page))
    marks(page)[0].set_value("Wrong").run()
    no_exception(page)
    assert mark_values(page)[0] == "Wrong"
    assert scores(page)[0] == "0 of 1"
    assert len(page.get("download_button")) == 1


def test_an_image_unlike_the_validation_images_gets_a_note(
    open_page: OpenPage, images: str
) -> None:
    page = open_page("try_digit", experiment=images, source="upload")
    upload(page, ("black.png", picture(50, 50, level=0)))
    text = page_text(page)
    assert "it is darker and lower in contrast than nearly all validation images" in text
    upload(page, ("noise.png", picture(500, 500, level=None)))
    no_exception(page)


def test_a_class_without_test_images_is_said(
    open_page: OpenPage, images: str, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = service.experiment("shapes").spec.data.name
    given = service.inference.images

    def without_discs(dataset: str, split: SplitName) -> Images:
        found = given(dataset, split)
        disc = found.classes.index("disc")
        return replace(found, labels_N=np.where(found.labels_N == disc, disc - 1, found.labels_N))

    monkeypatch.setattr(service.inference, "images", without_discs)
    page = open_page("try_digit", experiment=images)
    page.selectbox(key=inputs.sample_class_key(name)).set_value("disc").run()
    no_exception(page)
    assert not page.error
    assert "The test split has no such image" in page_text(page)


def test_the_usual_range_holds_most_images() -> None:
    pixels_N = np.random.default_rng(1).integers(0, 256, (400, 6, 5, 3)).astype(np.uint8)
    figures_N2 = unusual.mean_and_deviation(pixels_N)
    low, high = np.quantile(figures_N2, unusual.QUANTILES, axis=0)
    usual = unusual.UsualRange((low[0], high[0]), (low[1], high[1]))
    strange = [bool(unusual.unusual_looks(pixels, usual)) for pixels in pixels_N]
    assert 4 <= sum(strange) <= 8
    white = np.full((6, 5, 3), 255, np.uint8)
    assert unusual.unusual_looks(white, usual) == [
        "it is brighter and lower in contrast than nearly all validation images"
    ]
    assert not unusual.unusual_looks(white, unusual.ANY_IMAGE)
