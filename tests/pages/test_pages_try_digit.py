"""Try a digit: uploads and samples through every widget, what is refused, and the score."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.imaging.image_files import encode_pixels
from tests.imaging.synthetic_strokes import mnist_digits
from tests.pages.conftest import OpenPage, no_exception, words
from tsexplorer.services import demo
from tsexplorer.services.service import Service
from tsexplorer.ui.digit import inputs, score

IMAGES, LABELS = mnist_digits()
SEVEN, ZERO = (int(np.flatnonzero(label == LABELS)[0]) for label in (7, 0))
CARDS = 3


def upload(page: AppTest, *files: tuple[str, bytes]) -> None:
    """Choose files, as a person would in the browser."""
    chosen = [(name, content, "application/octet-stream") for name, content in files]
    page.file_uploader(key="digit_files").set_value(chosen).run()
    no_exception(page)


def answers(page: AppTest) -> list[str]:
    """The answer on each card, digit by digit, in the order teacher, baseline, distilled."""
    return [one.value for one in page.metric if any(mark in one.label for mark in "■●◆")]


def marks(page: AppTest) -> list[Any]:
    """The buttons Correct / Wrong below the cards."""
    return [one for one in page.segmented_control if (one.key or "").startswith("digit_mark_")]


def test_at_first_there_is_a_pad_and_no_answer(open_page: OpenPage) -> None:
    page = open_page("try_digit")
    assert not answers(page)
    assert "Draw a digit on the pad" in words(page)
    assert "Pictures stay in memory" in words(page)
    assert page.query_params["source"] == "draw"
    assert page.query_params["experiment"]


def test_an_upload_is_answered_by_all_three(open_page: OpenPage) -> None:
    page = open_page("try_digit", source="upload")
    upload(page, ("seven.png", encode_pixels(IMAGES[SEVEN])))
    assert answers(page) == ["7"] * CARDS
    assert "A finished net input already" in words(page)
    assert "Same answer" in words(page)
    assert len(page.get("plotly_chart")) == 2
    shown = words(page)
    for figure in ("61,514 parameters", "50,890 parameters", "nats", "ms ("):
        assert figure in shown


def test_several_files_and_one_that_is_broken(open_page: OpenPage) -> None:
    page = open_page("try_digit", source="upload")
    whole = encode_pixels(IMAGES[SEVEN])
    upload(
        page, ("a.png", whole), ("<b>b</b>.png", whole[:80]), ("c.png", encode_pixels(IMAGES[ZERO]))
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
def test_no_picture_at_all(open_page: OpenPage, content: bytes, sentence: str) -> None:
    page = open_page("try_digit", source="upload")
    upload(page, ("x.png", content))
    assert len(page.error) == 1
    assert sentence in page.error[0].value
    assert not answers(page)


def test_a_picture_without_a_stroke_is_said(open_page: OpenPage) -> None:
    page = open_page("try_digit", source="upload")
    upload(page, ("blank.png", encode_pixels(np.full((90, 90), 250, np.uint8))))
    assert "No pen stroke was found" in page.info[0].value
    assert not answers(page)


def test_more_files_than_are_shown_at_once(open_page: OpenPage) -> None:
    page = open_page("try_digit", source="upload")
    files = [(f"{k}.png", encode_pixels(IMAGES[k])) for k in range(inputs.MOST_FILES + 2)]
    upload(page, *files)
    assert "22 files are too many at once" in page.warning[0].value
    assert len(answers(page)) == CARDS * inputs.MOST_FILES


def test_the_same_digit_twice(open_page: OpenPage) -> None:
    page = open_page("try_digit", source="upload")
    upload(page, ("a.png", encode_pixels(IMAGES[SEVEN])), ("b.png", encode_pixels(IMAGES[SEVEN])))
    assert not page.error
    assert answers(page) == ["7"] * 2 * CARDS


def test_a_file_is_read_once_and_let_go(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page("try_digit", source="upload")
    upload(page, ("seven.png", encode_pixels(IMAGES[SEVEN])))
    monkeypatch.setattr(inputs, "decode", None)  # a second look would fail
    page.run()
    no_exception(page)
    assert answers(page) == ["7"] * CARDS
    page.file_uploader(key="digit_files").set_value(None).run()
    assert page.session_state[inputs.READINGS] == {}


def test_steps_can_be_overruled_and_set_back(open_page: OpenPage) -> None:
    page = open_page("try_digit", source="upload")
    upload(page, ("seven.png", encode_pixels(IMAGES[SEVEN])))
    page.toggle(key="digit.thickness_on").set_value(True).run()
    page.slider(key="digit.thickness").set_value(5.0).run()
    no_exception(page)
    assert "A finished net input already" not in words(page)
    page.slider(key="digit.crop_x").set_value((0, 5)).run()
    assert "too small" in page.error[0].value
    page.button(key="digit_reset").click().run()
    assert "A finished net input already" in words(page)
    assert not page.error


def test_samples_are_by_class_and_say_their_split(open_page: OpenPage) -> None:
    page = open_page("try_digit", source="samples")
    page.selectbox(key=inputs.CLASS).set_value("4").run()
    place = page.session_state[inputs.SAMPLE]
    assert "Label: **4**" in words(page)
    assert "est split of MNIST" in words(page)
    page.run()
    assert page.session_state[inputs.SAMPLE] == place
    page.button(key="digit_another").click().run()
    assert "Label: **4**" in words(page)
    assert len(answers(page)) == CARDS


def test_the_score_follows_what_people_say(open_page: OpenPage) -> None:
    page = open_page("try_digit", source="upload")
    upload(page, ("seven.png", encode_pixels(IMAGES[SEVEN])))
    assert "the score begins" in words(page)
    marks(page)[0].set_value("Correct").run()
    assert [one.value for one in marks(page)] == ["Correct"] * CARDS
    assert [one.value for one in page.metric][-CARDS:] == ["1 of 1"] * CARDS
    marks(page)[2].set_value("Wrong").run()
    assert [one.value for one in page.metric][-CARDS:] == ["0 of 1"] * CARDS
    assert len(page.get("download_button")) == 1
    page.button(key="digit_anew").click().run()
    assert page.session_state[score.SCORE] == {}
    assert "the score begins" in words(page)


def test_a_mark_outlives_its_picture(open_page: OpenPage) -> None:
    page = open_page("try_digit", source="upload")
    upload(page, ("seven.png", encode_pixels(IMAGES[SEVEN])))
    marks(page)[0].set_value("Correct").run()
    upload(page, ("other.png", encode_pixels(IMAGES[ZERO])))
    assert [one.value for one in page.metric][-CARDS:] == ["1 of 1"] * CARDS
    assert [one.value for one in marks(page)] == [None] * CARDS
    upload(page, ("seven again.png", encode_pixels(IMAGES[SEVEN])))
    assert [one.value for one in marks(page)] == ["Correct"] * CARDS


def test_a_digit_unlike_the_data_gets_a_mild_word(open_page: OpenPage) -> None:
    page = open_page("try_digit", source="upload")
    upload(page, ("seven.png", encode_pixels(IMAGES[SEVEN])))
    assert "Unlike the training data" not in words(page)
    page.toggle(key="digit.thickness_on").set_value(True).run()
    page.slider(key="digit.thickness").set_value(6.0).run()
    assert "Unlike the training data: its strokes" in words(page)


def test_missing_weights_are_one_sentence_and_the_others_answer(
    open_page: OpenPage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tsexplorer.services import inference

    lost = service.experiment(demo.NAME).stage(0, "teacher").hash
    found = inference.weights_path
    monkeypatch.setattr(
        inference, "weights_path", lambda folder, key: None if key == lost else found(folder, key)
    )
    page = open_page("try_digit", source="samples")
    assert "Teacher: The weights of this net are missing" in page.warning[0].value
    assert len(answers(page)) == CARDS - 1


def test_without_any_weights_one_sentence_says_so(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tsexplorer.services import inference

    monkeypatch.setattr(inference, "weights_path", lambda *_: None)
    page = open_page("try_digit", source="samples")
    no_exception(page)
    assert "unexpected" not in " ".join(one.value for one in page.error)
    assert len(page.error) == 1


def test_a_url_that_names_nothing(open_page: OpenPage) -> None:
    page = open_page("try_digit", source="telepathy", experiment="gone")
    assert "Shown instead: the demo" in page.warning[0].value
    assert page.query_params["source"] == "draw"


def test_nets_that_know_no_digits_say_so(open_page: OpenPage, service: Service) -> None:
    spec = service.experiment(demo.NAME).spec
    data = spec.data.model_copy(update={"name": "fashion-mnist"})
    foreign = spec.model_copy(update={"name": "foreign", "data": data})
    kept = service.store.add_experiment(foreign, service.check(foreign).stages)
    key = kept.stages[0].stage.hash
    service.store.stage_started(key, parameters=1, machine="here")
    service.store.stage_ended(
        key,
        "done",
        validation_accuracy=0.9,
        validation_loss=0.1,
        test_accuracy=0.9,
        train_seconds=1.0,
        kept_epoch=1,
    )
    page = open_page("try_digit", experiment=kept.id, source="samples")
    assert "know Fashion-MNIST and nothing else" in page.info[0].value
    assert "are not here; download them" in page.error[0].value
