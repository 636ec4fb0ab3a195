from __future__ import annotations

import csv
import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from tsexplorer.specs import Role
from tsexplorer.ui.digit.score import Entry, archive, key_of, marked, tally

ANSWERS: dict[Role, str] = {"teacher": "7", "baseline": "1", "distilled": "7"}
PIXELS = np.arange(784, dtype=np.uint32).astype(np.uint8).reshape(28, 28)


def entry(marks: dict[Role, bool], name: str = "“a, b.png”") -> Entry:
    confidence: dict[Role, float] = {"teacher": 0.9, "baseline": 0.5, "distilled": 0.75}
    return Entry(name, PIXELS, ANSWERS, confidence, marks)


def test_a_right_answer_decides_for_all() -> None:
    right = {"teacher": True, "baseline": False, "distilled": True}
    assert marked(ANSWERS, {}, "teacher", True) == right
    assert marked(ANSWERS, {}, "distilled", True) == right
    assert marked(ANSWERS, right, "baseline", True) == {  # somebody thinks again
        "teacher": False,
        "baseline": True,
        "distilled": False,
    }


def test_a_wrong_answer_decides_for_those_that_gave_it() -> None:
    assert marked(ANSWERS, {}, "teacher", False) == {"teacher": False, "distilled": False}
    assert marked(ANSWERS, {}, "baseline", False) == {"baseline": False}
    assert marked(ANSWERS, {"baseline": False}, "teacher", False) == {
        "teacher": False,
        "baseline": False,
        "distilled": False,
    }


def test_a_mark_is_taken_back_alone() -> None:
    assert marked(ANSWERS, {"teacher": True, "distilled": True}, "teacher", None) == {
        "distilled": True
    }


def test_the_tally_counts_what_was_marked() -> None:
    entries = [
        entry({"teacher": True, "baseline": False}),
        entry({"teacher": False}),
        entry({}),
    ]
    assert tally(entries) == {"teacher": (1, 2), "baseline": (0, 1)}


def test_the_archive_holds_images_and_a_table() -> None:
    content = archive([entry({"baseline": False}), entry({"teacher": False}, "=1+1")])
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        assert packed.namelist() == ["001.png", "002.png", "answers.csv"]
        picture = Image.open(io.BytesIO(packed.read("001.png")))
        assert np.array_equal(np.asarray(picture), PIXELS)
        rows = list(csv.DictReader(io.StringIO(packed.read("answers.csv").decode())))
    assert [row["picture"] for row in rows] == ["“a, b.png”", "=1+1"]
    assert rows[0]["Baseline answer"] == "1"
    assert rows[0]["Baseline confidence"] == "0.500000"
    assert rows[0]["Baseline mark"] == "wrong"
    assert rows[0]["Teacher mark"] == ""


def test_the_same_input_to_other_nets_counts_anew() -> None:
    assert key_of(PIXELS, ["a", "b"]) == key_of(PIXELS.copy(), ["a", "b"])
    assert key_of(PIXELS, ["a", "b"]) != key_of(PIXELS, ["a", "c"])
    assert key_of(PIXELS, ["a"]) != key_of(PIXELS[::-1].copy(), ["a"])


@pytest.mark.parametrize("share", [0.9991, 1.0])
def test_no_confidence_is_rounded_up_to_certainty(share: float) -> None:
    from tsexplorer.ui.digit.answers import sure

    assert sure(share) == "> 99.9 %"
