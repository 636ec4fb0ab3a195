"""How well the nets that ship read pictures through all steps."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch

from tests.imaging.image_files import packed
from tests.imaging.synthetic import COUNT, Made, made
from tests.imaging.synthetic_strokes import mnist_digits
from tsexplorer import demo
from tsexplorer.data.batches import scale
from tsexplorer.data.registry import load_splits
from tsexplorer.data.sample import load_sample
from tsexplorer.imaging import ExtractionResult, decode, extract_digits
from tsexplorer.models import build
from tsexplorer.settings import get_settings
from tsexplorer.specs import ExperimentSpec
from tsexplorer.training import files

AT_LEAST = {"teacher": 0.95, "distilled": 0.92}
Answers = Callable[[np.ndarray], np.ndarray]


@cache
def net(role: str) -> Answers:
    """The shipped net of that role: from images N×28×28 to answers N."""
    spec = ExperimentSpec.model_validate(demo.shipped()[demo.NAME]["spec"])
    key = next(
        key for key, stage in demo.shipped()[demo.NAME]["stages"].items() if stage["role"] == role
    )
    body = build(spec.teacher if role == "teacher" else spec.student, 10, seed=0)
    body.load_state_dict(files.read(demo.DEMO / f"{key}.safetensors")[0])
    body.eval()
    name = spec.data.name
    splits = load_sample(name) or load_splits(name, get_settings().data_folder)

    def answers(images: np.ndarray) -> np.ndarray:
        pixels = torch.from_numpy(images)
        with torch.no_grad():
            z_NC = body(scale(pixels, spec.data.scaling, splits.mean, splits.deviation))
        return z_NC.argmax(1).numpy()

    return answers


@pytest.fixture(scope="module")
def pictures() -> list[tuple[Made, ExtractionResult]]:
    return [(one, extract_digits(decode(one.content, one.name))) for one in made()]


def share_right(role: str, pictures: list[tuple[Made, ExtractionResult]]) -> float:
    """Share of pictures in which exactly one digit was found, and answered rightly."""
    found = [(one.label, reading) for one, reading in pictures if len(reading.digits) == 1]
    answers = net(role)(np.stack([reading.digits[0].pixels for _, reading in found]))
    return float((answers == [label for label, _ in found]).sum()) / len(pictures)


def test_the_made_pictures_are_of_all_kinds(pictures: list[tuple[Made, ExtractionResult]]) -> None:
    assert len(pictures) == COUNT >= 200
    for kind in ("label", "hand", "pen", "paper", "light"):
        values = {getattr(one, kind) for one, _ in pictures}
        assert len(values) == {"label": 10, "hand": 2, "pen": 5, "paper": 4, "light": 4}[kind]


def test_made_pictures_are_the_same_again() -> None:
    first, again = list(made(3)), list(made(3))
    assert [one.content for one in first] == [one.content for one in again]
    assert first[2].content == list(made(4))[2].content


@pytest.mark.parametrize("role", AT_LEAST)
def test_nets_read_the_made_pictures(
    role: str, pictures: list[tuple[Made, ExtractionResult]]
) -> None:
    assert share_right(role, pictures) >= AT_LEAST[role]


@pytest.mark.parametrize("kind", ["paper", "light", "pen", "hand"])
def test_no_kind_of_picture_is_left_behind(
    kind: str, pictures: list[tuple[Made, ExtractionResult]]
) -> None:
    for value in {getattr(one, kind) for one, _ in pictures}:
        of_it = [pair for pair in pictures if getattr(pair[0], kind) == value]
        assert share_right("teacher", of_it) >= 0.9, value


@pytest.mark.parametrize("role", ["teacher", "baseline", "distilled"])
def test_digits_sent_as_files_are_answered_as_tensors_are(role: str) -> None:
    images, labels = mnist_digits()
    assert len(images) == 1000
    readings = [extract_digits(decode(packed(image), "digit.png")) for image in images]
    read_again = np.stack([reading.digits[0].pixels for reading in readings])
    assert np.array_equal(read_again, images)
    sent, directly = net(role)(read_again), net(role)(images)
    assert abs((sent == labels).mean() - (directly == labels).mean()) <= 0.002
    assert np.array_equal(sent, directly)
