"""The score of the page Try an image: marks, counts and the download of wrong images."""

from __future__ import annotations

import csv
import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from tsexplorer.specs import Role
from tsexplorer.ui.digit.score import Entry, answer_key, apply_mark, count_correct, pack_entries
from tsexplorer.ui.digit.words import confidence_percent

ANSWERS: dict[Role, str] = {"teacher": "7", "baseline": "1", "distilled": "7"}
PIXELS = np.arange(784, dtype=np.uint32).astype(np.uint8).reshape(28, 28)


def entry(marks: dict[Role, bool], name: str = "“a, b.png”") -> Entry:
    confidence: dict[Role, float] = {"teacher": 0.9, "baseline": 0.5, "distilled": 0.75}
    return Entry(name, PIXELS, ANSWERS, confidence, marks)


def test_a_right_answer_marks_all_nets() -> None:
    marks = {"teacher": True, "baseline": False, "distilled": True}
    assert apply_mark(ANSWERS, {}, "teacher", True) == marks
    assert apply_mark(ANSWERS, {}, "distilled", True) == marks
    assert apply_mark(ANSWERS, marks, "baseline", True) == {
        "teacher": False,
        "baseline": True,
        "distilled": False,
    }


def test_a_wrong_answer_marks_the_nets_that_gave_it() -> None:
    assert apply_mark(ANSWERS, {}, "teacher", False) == {"teacher": False, "distilled": False}
    assert apply_mark(ANSWERS, {}, "baseline", False) == {"baseline": False}
    assert apply_mark(ANSWERS, {"baseline": False}, "teacher", False) == {
        "teacher": False,
        "baseline": False,
        "distilled": False,
    }


def test_removing_a_mark_changes_no_other_mark() -> None:
    assert apply_mark(ANSWERS, {"teacher": True, "distilled": True}, "teacher", None) == {
        "distilled": True
    }


def test_the_score_counts_marked_answers_only() -> None:
    entries = [
        entry({"teacher": True, "baseline": False}),
        entry({"teacher": False}),
        entry({}),
    ]
    assert count_correct(entries) == {"teacher": (1, 2), "baseline": (0, 1)}


def test_the_download_holds_images_and_a_table() -> None:
    content = pack_entries([entry({"baseline": False}), entry({"teacher": False}, "=1+1")])
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        assert packed.namelist() == ["001.png", "002.png", "answers.csv"]
        image = Image.open(io.BytesIO(packed.read("001.png")))
        assert np.array_equal(np.asarray(image), PIXELS)
        rows = list(csv.DictReader(io.StringIO(packed.read("answers.csv").decode())))
    assert [row["picture"] for row in rows] == ["“a, b.png”", "=1+1"]
    assert rows[0]["Baseline answer"] == "1"
    assert rows[0]["Baseline confidence"] == "0.500000"
    assert rows[0]["Baseline mark"] == "wrong"
    assert rows[0]["Teacher mark"] == ""


def test_an_answer_is_identified_by_its_input_and_its_nets() -> None:
    assert answer_key(PIXELS, ["a", "b"]) == answer_key(PIXELS.copy(), ["a", "b"])
    assert answer_key(PIXELS, ["a", "b"]) != answer_key(PIXELS, ["a", "c"])
    assert answer_key(PIXELS, ["a"]) != answer_key(PIXELS[::-1].copy(), ["a"])


@pytest.mark.parametrize("share", [0.9991, 1.0])
def test_no_confidence_is_rounded_up_to_100_percent(share: float) -> None:
    assert confidence_percent(share) == "> 99.9 %"
