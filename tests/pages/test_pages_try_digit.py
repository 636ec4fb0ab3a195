"""The page Try an image with nets for digits: uploads, samples, bad files, options, the score."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.imaging.image_files import encode_pixels
from tests.imaging.synthetic_strokes import mnist_digits
from tests.pages.conftest import OpenPage, no_exception, page_text
from tests.pages.try_image_actions import CARDS, answers, mark_values, marks, scores, upload
from tsexplorer.services import demo
from tsexplorer.services.service import Service
from tsexplorer.ui.digit import inputs, score

IMAGES, LABELS = mnist_digits()
SEVEN, ZERO = (int(np.flatnonzero(label == LABELS)[0]) for label in (7, 0))


def test_the_page_starts_with_a_pad_and_no_answer(open_page: OpenPage) -> None:
    page = open_page("try_digit")
    assert not answers(page)
    assert "Draw a digit on the pad" in page_text(page)
    assert "Pictures stay in memory" in page_text(page)
    assert page.query_params["source"] == "draw"
    assert page.query_params["experiment"]


def test_all_three_nets_answer_an_upload(open_page: OpenPage) -> None:
    page = open_page("try_digit", source="upload")
    upload(page, ("seven.png", encode_pixels(IMAGES[SEVEN])))
    assert answers(page) == ["7"] * CARDS
    assert "This picture already is a net input" in page_text(page)
    assert "The distilled student **agrees**" in page_text(page)
    assert len(page.get("plotly_chart")) == 2
    text = page_text(page)
    for figure in ("61,514 parameters", "50,890 parameters", "nats", "ms ("):
        assert figure in text


def test_a_damaged_file_does_not_stop_the_others(open_page: OpenPage) -> None:
    page = open_page("try_digit", source="upload")
    seven = encode_pixels(IMAGES[SEVEN])
    upload(
        page, ("a.png", seven), ("<b>b</b>.png", seven[:80]), ("c.png", encode_pixels(IMAGES[ZERO]))
    )
    assert answers(page) == ["7"] * CARDS + ["0"] * CARDS
    assert len(page.error) == 1
    assert "damaged" in page.error[0].value
    assert "<b>" not in page.error[0].value.replace("\\<b\\>", "")
    page.segmented_control(key="digit.which").set_value(2).run()
    no_exception(page)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"", "empty"), (b"hello", "not a picture"), (b"<svg xmlns='x'/>", "SVG")],
)
def test_a_file_that_is_no_picture_is_rejected(
    open_page: OpenPage, content: bytes, sentence: str
) -> None:
    page = open_page("try_digit", source="upload")
    upload(page, ("x.png", content))
    assert len(page.error) == 1
    assert sentence in page.error[0].value
    assert not answers(page)


def test_a_picture_without_a_stroke_gets_a_note(open_page: OpenPage) -> None:
    page = open_page("try_digit", source="upload")
    upload(page, ("blank.png", encode_pixels(np.full((90, 90), 250, np.uint8))))
    assert "No pen stroke was found" in page.info[0].value
    assert not answers(page)


def test_files_beyond_the_limit_are_left_out(open_page: OpenPage) -> None:
    page = open_page("try_digit", source="upload")
    files = [
        (f"{index}.png", encode_pixels(IMAGES[index])) for index in range(inputs.MAX_FILES + 2)
    ]
    upload(page, *files)
    assert "22 files are too many at once" in page.warning[0].value
    assert len(answers(page)) == CARDS * inputs.MAX_FILES


def test_the_same_digit_can_be_uploaded_twice(open_page: OpenPage) -> None:
    page = open_page("try_digit", source="upload")
    upload(page, ("a.png", encode_pixels(IMAGES[SEVEN])), ("b.png", encode_pixels(IMAGES[SEVEN])))
    assert not page.error
    assert answers(page) == ["7"] * 2 * CARDS


def test_a_file_is_decoded_once_and_then_released(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page("try_digit", source="upload")
    upload(page, ("seven.png", encode_pixels(IMAGES[SEVEN])))
    monkeypatch.setattr(inputs, "decode", None)  # decoding it again would fail
    page.run()
    no_exception(page)
    assert answers(page) == ["7"] * CARDS
    page.file_uploader(key="digit_files").set_value(None).run()
    assert page.session_state[inputs.PICTURES] == {}


def test_steps_can_be_overridden_and_reset(open_page: OpenPage) -> None:
    page = open_page("try_digit", source="upload")
    upload(page, ("seven.png", encode_pixels(IMAGES[SEVEN])))
    page.toggle(key="digit.thickness_on").set_value(True).run()
    page.slider(key="digit.thickness").set_value(5.0).run()
    no_exception(page)
    assert "This picture already is a net input" not in page_text(page)
    page.slider(key="digit.crop_x").set_value((0, 5)).run()
    assert "too small" in page.error[0].value
    page.button(key="digit_reset").click().run()
    assert "This picture already is a net input" in page_text(page)
    assert not page.error


def test_samples_have_a_class_and_a_split(open_page: OpenPage) -> None:
    page = open_page("try_digit", source="samples")
    page.selectbox(key=inputs.sample_class_key("mnist")).set_value("4").run()
    index = page.session_state[inputs.SAMPLE]
    assert "Label: **4**" in page_text(page)
    assert "est split of MNIST" in page_text(page)
    page.run()
    assert page.session_state[inputs.SAMPLE] == index
    page.button(key="digit_another").click().run()
    assert "Label: **4**" in page_text(page)
    assert len(answers(page)) == CARDS


def test_the_score_follows_the_marks(open_page: OpenPage) -> None:
    page = open_page("try_digit", source="upload")
    upload(page, ("seven.png", encode_pixels(IMAGES[SEVEN])))
    assert "Mark an answer right or wrong" in page_text(page)
    marks(page)[0].set_value("Correct").run()
    assert mark_values(page) == ["Correct"] * CARDS
    assert scores(page) == ["1 of 1"] * CARDS
    marks(page)[2].set_value("Wrong").run()
    assert scores(page) == ["0 of 1"] * CARDS
    assert len(page.get("download_button")) == 1
    page.button(key="digit_anew").click().run()
    assert page.session_state[score.SCORE] == {}
    assert "Mark an answer right or wrong" in page_text(page)


def test_a_mark_is_kept_when_its_picture_is_removed(open_page: OpenPage) -> None:
    page = open_page("try_digit", source="upload")
    upload(page, ("seven.png", encode_pixels(IMAGES[SEVEN])))
    marks(page)[0].set_value("Correct").run()
    upload(page, ("other.png", encode_pixels(IMAGES[ZERO])))
    assert scores(page) == ["1 of 1"] * CARDS
    assert mark_values(page) == [None] * CARDS
    upload(page, ("seven again.png", encode_pixels(IMAGES[SEVEN])))
    assert mark_values(page) == ["Correct"] * CARDS


def test_a_digit_unlike_the_training_data_gets_a_note(open_page: OpenPage) -> None:
    page = open_page("try_digit", source="upload")
    upload(page, ("seven.png", encode_pixels(IMAGES[SEVEN])))
    assert "Unlike the training data" not in page_text(page)
    page.toggle(key="digit.thickness_on").set_value(True).run()
    page.slider(key="digit.thickness").set_value(6.0).run()
    assert "Unlike the training data: its strokes" in page_text(page)


def test_a_net_without_weights_is_left_out_with_a_warning(
    open_page: OpenPage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tsexplorer.services import inference

    missing = service.experiment(demo.NAME).stage(0, "teacher").hash
    weights_path = inference.weights_path

    def without_teacher(folder: Path, stage_hash: str) -> Path | None:
        return None if stage_hash == missing else weights_path(folder, stage_hash)

    monkeypatch.setattr(inference, "weights_path", without_teacher)
    page = open_page("try_digit", source="samples")
    assert "Teacher: The weights of this net are missing" in page.warning[0].value
    assert len(answers(page)) == CARDS - 1


def test_missing_weights_of_all_nets_are_one_error(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tsexplorer.services import inference

    monkeypatch.setattr(inference, "weights_path", lambda *_: None)
    page = open_page("try_digit", source="samples")
    no_exception(page)
    assert "unexpected" not in " ".join(error.value for error in page.error)
    assert len(page.error) == 1


def test_bad_url_parameters_are_replaced(open_page: OpenPage) -> None:
    page = open_page("try_digit", source="telepathy", experiment="gone")
    assert "Shown instead: the demo" in page.warning[0].value
    assert page.query_params["source"] == "draw"


def test_nets_of_another_dataset_say_so(open_page: OpenPage, service: Service) -> None:
    spec = service.experiment(demo.NAME).spec
    data = spec.data.model_copy(update={"name": "fashion-mnist"})
    fashion = spec.model_copy(update={"name": "fashion", "data": data})
    experiment = service.store.add_experiment(fashion, service.check(fashion).stages)
    key = experiment.stages[0].stage.hash
    service.store.record_stage_started(key, parameters=1, machine="here")
    service.store.record_stage_ended(
        key,
        "done",
        validation_accuracy=0.9,
        validation_loss=0.1,
        test_accuracy=0.9,
        train_seconds=1.0,
        kept_epoch=1,
    )
    page = open_page("try_digit", experiment=experiment.id, source="samples")
    assert "trained on Fashion\\-MNIST only" in page_text(page)
    assert "are not downloaded; download them" in page.error[0].value
