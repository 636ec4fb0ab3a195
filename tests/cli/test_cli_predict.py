"""``predict``: gives the same answers as the page Try an image; errors are one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Shell, document
from tests.imaging.image_files import encode_pixels
from tests.imaging.synthetic_strokes import mnist_digits
from tsexplorer.imaging import decode, extract_digits
from tsexplorer.services.service import Service
from tsexplorer.ui.digit import answers
from tsexplorer.ui.digit.pictures import InputPicture

pytestmark = pytest.mark.usefixtures("settled")

IMAGES, LABELS = mnist_digits()
NUMBERS = 3, 8, 21
"""Indices of the three digits."""


@pytest.fixture
def three_digits(tmp_path: Path) -> Path:
    """A picture of three digits side by side, dark on light, four times as large as MNIST's."""
    canvas = np.full((160, 420), 255, np.uint8)
    for position, number in enumerate(NUMBERS):
        digit = np.kron(255 - IMAGES[number], np.ones((4, 4), np.uint8))
        canvas[20:132, 20 + position * 130 : 132 + position * 130] = digit
    file = tmp_path / "three-digits.png"
    file.write_bytes(encode_pixels(canvas))
    return file


def test_json_of_one_digit(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "digit.png"
    file.write_bytes(encode_pixels(IMAGES[0]))
    result = shell("predict", "--stage", "demo:teacher", str(file), "--json")
    (printed,) = document(result)
    assert printed["file"] == str(file)
    assert printed["label"] == str(LABELS[0])
    assert printed["input"] == IMAGES[0].tolist()
    assert sum(printed["probabilities"].values()) == pytest.approx(1)
    assert printed["probabilities"][printed["label"]] == printed["digits"][0]["confidence"]


def test_digits_are_listed_from_left_to_right(shell: Shell, three_digits: Path) -> None:
    (printed,) = document(shell("predict", str(three_digits), "--json"))
    labels = [digit["label"] for digit in printed["digits"]]
    assert labels == [str(LABELS[number]) for number in NUMBERS]
    assert printed["label"] == printed["digits"][0]["label"]
    lefts = [digit["box"][0] for digit in printed["digits"]]
    assert lefts == sorted(lefts)


@pytest.mark.parametrize("role", ["teacher", "baseline", "distilled"])
def test_probabilities_equal_those_of_the_page(
    shell: Shell, three_digits: Path, service: Service, role: str
) -> None:
    result = shell("predict", "--stage", f"demo:{role}", str(three_digits), "--json")
    (printed,) = document(result)
    nets = answers.seed_nets(service, service.experiment("demo"), 0)
    picture = decode(three_digits.read_bytes(), three_digits.name)
    size = (picture.width, picture.height)
    shown = InputPicture(picture.name, extract_digits(picture), size)
    on_page = answers.answer_images(nets, [shown])
    for answered, digit in zip(on_page, printed["digits"], strict=True):
        prediction = answered.predictions[role]  # type: ignore[index]
        assert list(digit["probabilities"].values()) == prediction.probabilities_C.tolist()
        assert digit["entropy"] == prediction.entropy


def test_stage_can_be_given_by_its_hash_or_its_beginning(
    shell: Shell, three_digits: Path, service: Service
) -> None:
    key = service.experiment("demo").stage(0, "baseline").hash
    by_role = shell("predict", "--stage", "demo:baseline:0", str(three_digits), "--json").stdout
    assert shell("predict", "--stage", key, str(three_digits), "--json").stdout == by_role
    assert shell("predict", "--stage", key[:6], str(three_digits), "--json").stdout == by_role


@pytest.mark.parametrize(
    ("stage", "sentence"),
    [
        ("demo:pupil", "'demo:pupil' is not the name of a stage; write demo:teacher|"),
        ("demo:teacher:x", "is not the name of a stage"),
        ("demo:teacher:7", 'The experiment "demo" has no teacher for seed 7'),
        ("gone:teacher", "gone"),
        ("zzz", "No stage begins with 'zzz'"),
        ("", "No stage begins with ''"),
    ],
)
def test_unknown_stage_gives_one_sentence(
    shell: Shell, three_digits: Path, stage: str, sentence: str
) -> None:
    result = shell("predict", "--stage", stage, str(three_digits))
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_unreadable_files_give_one_sentence_each(
    shell: Shell, three_digits: Path, tmp_path: Path
) -> None:
    broken, blank = tmp_path / "broken.png", tmp_path / "blank.png"
    broken.write_bytes(three_digits.read_bytes()[:60])
    blank.write_bytes(encode_pixels(np.full((60, 60), 255, np.uint8)))
    names = [str(file) for file in (broken, tmp_path / "gone.png", blank, three_digits)]
    result = shell("predict", *names, "--json")
    assert result.exit_code == 2
    printed = json.loads(result.stdout)
    assert [len(file.get("digits", [])) for file in printed] == [0, 0, 0, 3]
    assert "damaged" in printed[0]["error"]
    assert "cannot be read (No such file or directory)" in printed[1]["error"]
    assert printed[2]["note"].startswith("No pen stroke was found")
    assert printed[2]["label"] is None
    assert len(result.stderr.splitlines()) == 2


def test_file_over_the_limit_is_not_read(shell: Shell, tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    with large.open("wb") as file:
        file.truncate(11_000_000)
    result = shell("predict", str(large))
    assert result.exit_code == 2
    assert "has 11.0 MB, more than the limit of 10 MB" in result.stderr


def test_extraction_options_are_used_and_checked(shell: Shell, three_digits: Path) -> None:
    (printed,) = document(shell("predict", "--single", str(three_digits), "--json"))
    assert len(printed["digits"]) == 1
    refused = shell("predict", "--threshold", "2", str(three_digits))
    assert refused.exit_code == 2
    assert "between 0 and 1" in refused.stderr


def test_table_has_a_row_per_digit_and_names_the_stage(
    shell: Shell, three_digits: Path, service: Service
) -> None:
    result = shell("predict", str(three_digits))
    assert result.exit_code == 0
    assert service.experiment("demo").stage(0, "distilled").hash in result.stdout
    assert result.stdout.count(str(three_digits)) == 3
