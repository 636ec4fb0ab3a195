"""predict: the same answers as the page gives, one sentence for what cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Shell
from tests.imaging.image_files import encode_pixels
from tests.imaging.synthetic_strokes import mnist_digits
from tsexplorer.imaging import decode, extract_digits
from tsexplorer.services.service import Service
from tsexplorer.ui.digit import answers
from tsexplorer.ui.digit.inputs import Shown

pytestmark = pytest.mark.usefixtures("settled")

IMAGES, LABELS = mnist_digits()


@pytest.fixture
def row(tmp_path: Path) -> Path:
    """Three digits side by side, dark on light, four times as large as MNIST's."""
    canvas = np.full((160, 420), 255, np.uint8)
    for place, number in enumerate((3, 8, 21)):
        digit = np.kron(255 - IMAGES[number], np.ones((4, 4), np.uint8))
        canvas[20:132, 20 + place * 130 : 132 + place * 130] = digit
    file = tmp_path / "row.png"
    file.write_bytes(encode_pixels(canvas))
    return file


def test_a_digit_with_all_that_is_known_of_it(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "digit.png"
    file.write_bytes(encode_pixels(IMAGES[0]))
    result = shell("predict", "--stage", "demo:teacher", str(file), "--json")
    assert result.exit_code == 0
    (said,) = json.loads(result.stdout)
    assert said["file"] == str(file)
    assert said["label"] == str(LABELS[0])
    assert said["input"] == IMAGES[0].tolist()
    assert sum(said["probabilities"].values()) == pytest.approx(1)
    assert said["probabilities"][said["label"]] == said["digits"][0]["confidence"]


def test_several_digits_from_left_to_right(shell: Shell, row: Path) -> None:
    (said,) = json.loads(shell("predict", str(row), "--json").stdout)
    assert [digit["label"] for digit in said["digits"]] == [str(LABELS[k]) for k in (3, 8, 21)]
    assert said["label"] == said["digits"][0]["label"]
    lefts = [digit["box"][0] for digit in said["digits"]]
    assert lefts == sorted(lefts)


@pytest.mark.parametrize("role", ["teacher", "baseline", "distilled"])
def test_the_page_says_the_same(shell: Shell, row: Path, service: Service, role: str) -> None:
    (said,) = json.loads(shell("predict", "--stage", f"demo:{role}", str(row), "--json").stdout)
    nets = answers.panel(service, service.experiment("demo"), 0)
    picture = decode(row.read_bytes(), row.name)
    shown = Shown(picture.name, extract_digits(picture), (picture.width, picture.height))
    for one, digit in zip(answers.ask(nets, [shown]), said["digits"], strict=True):
        page = one.verdicts[role]  # type: ignore[index]
        assert list(digit["probabilities"].values()) == page.probabilities_C.tolist()
        assert digit["entropy"] == page.entropy


def test_a_stage_by_its_hash_or_its_beginning(shell: Shell, row: Path, service: Service) -> None:
    key = service.experiment("demo").stage(0, "baseline").hash
    by_role = shell("predict", "--stage", "demo:baseline:0", str(row), "--json").stdout
    assert shell("predict", "--stage", key, str(row), "--json").stdout == by_role
    assert shell("predict", "--stage", key[:6], str(row), "--json").stdout == by_role


@pytest.mark.parametrize(
    ("stage", "sentence"),
    [
        ("demo:pupil", "'demo:pupil' names no stage; write demo:teacher|baseline|distilled"),
        ("demo:teacher:x", "names no stage"),
        ("demo:teacher:7", 'The experiment "demo" has no teacher for seed 7'),
        ("gone:teacher", "gone"),
        ("zzz", "No stage begins with 'zzz'"),
        ("", "No stage begins with ''"),
    ],
)
def test_a_stage_that_is_not_there(shell: Shell, row: Path, stage: str, sentence: str) -> None:
    result = shell("predict", "--stage", stage, str(row))
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_what_cannot_be_read_is_said_and_the_others_are_answered(
    shell: Shell, row: Path, tmp_path: Path
) -> None:
    broken, blank = tmp_path / "broken.png", tmp_path / "blank.png"
    broken.write_bytes(row.read_bytes()[:60])
    blank.write_bytes(encode_pixels(np.full((60, 60), 255, np.uint8)))
    names = [str(one) for one in (broken, tmp_path / "gone.png", blank, row)]
    result = shell("predict", *names, "--json")
    assert result.exit_code == 2
    said = json.loads(result.stdout)
    assert [len(one.get("digits", [])) for one in said] == [0, 0, 0, 3]
    assert "damaged" in said[0]["error"]
    assert "cannot be read (No such file or directory)" in said[1]["error"]
    assert said[2]["note"].startswith("No pen stroke was found")
    assert said[2]["label"] is None
    assert len(result.stderr.splitlines()) == 2


def test_a_file_over_the_limit_is_not_even_opened(shell: Shell, tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    with large.open("wb") as file:
        file.truncate(11_000_000)
    result = shell("predict", str(large))
    assert result.exit_code == 2
    assert "has 11.0 MB, and 10 MB is the most" in result.stderr


def test_steps_can_be_overruled(shell: Shell, row: Path) -> None:
    (said,) = json.loads(shell("predict", "--single", str(row), "--json").stdout)
    assert len(said["digits"]) == 1
    refused = shell("predict", "--threshold", "2", str(row))
    assert refused.exit_code == 2
    assert "between 0 and 1" in refused.stderr


def test_the_table_names_answer_and_stage(shell: Shell, row: Path, service: Service) -> None:
    result = shell("predict", str(row))
    assert result.exit_code == 0
    assert service.experiment("demo").stage(0, "distilled").hash in result.stdout
    assert result.stdout.count(str(row)) == 3
