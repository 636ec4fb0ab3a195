"""Accuracy of the demo nets on synthetic pictures, through the whole pipeline."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch

from tests.imaging.image_files import encode_pixels
from tests.imaging.synthetic import COUNT, SyntheticPicture, synthetic_pictures
from tests.imaging.synthetic_strokes import mnist_digits
from tsexplorer.data.base import ImageTask
from tsexplorer.data.bundled_sample import load_sample
from tsexplorer.data.registry import load_splits
from tsexplorer.imaging import ExtractionResult, decode, extract_digits
from tsexplorer.models import build
from tsexplorer.services import demo
from tsexplorer.settings import get_settings
from tsexplorer.specs import ExperimentSpec
from tsexplorer.training import checkpoints

MIN_ACCURACY = {"teacher": 0.95, "distilled": 0.92}
Predict = Callable[[np.ndarray], np.ndarray]
Results = list[tuple[SyntheticPicture, ExtractionResult]]


@cache
def demo_net(role: str) -> Predict:
    """The demo net of a role, as a function from images N×28×28 to predicted classes N."""
    spec = ExperimentSpec.model_validate(demo.shipped()[demo.NAME]["spec"])
    key = next(
        key for key, stage in demo.shipped()[demo.NAME]["stages"].items() if stage["role"] == role
    )
    net = build(spec.teacher if role == "teacher" else spec.student, ImageTask(10), seed=0)
    net.load_state_dict(checkpoints.read(demo.DEMO / f"{key}.safetensors")[0])
    net.eval()
    name = spec.data.name
    splits = load_sample(name) or load_splits(name, get_settings().data_folder)

    def predict(images: np.ndarray) -> np.ndarray:
        pixels = torch.from_numpy(images)
        with torch.no_grad():
            z_NC = net(splits.normalisation(spec.data.scaling)(pixels))
        return z_NC.argmax(1).numpy()

    return predict


@pytest.fixture(scope="module")
def results() -> Results:
    return [
        (picture, extract_digits(decode(picture.content, picture.name)))
        for picture in synthetic_pictures()
    ]


def accuracy(role: str, results: Results) -> float:
    """Share of pictures in which exactly one digit was found and classified correctly."""
    single = [(picture.label, result) for picture, result in results if len(result.digits) == 1]
    predicted = demo_net(role)(np.stack([result.digits[0].pixels for _, result in single]))
    return float((predicted == [label for label, _ in single]).sum()) / len(results)


def test_synthetic_pictures_have_all_properties(results: Results) -> None:
    assert len(results) == COUNT >= 200
    counts = {"label": 10, "handwriting": 2, "pen": 5, "paper": 4, "light": 4}
    for name, count in counts.items():
        assert len({getattr(picture, name) for picture, _ in results}) == count


def test_synthetic_pictures_depend_on_the_seed_only() -> None:
    first, again = list(synthetic_pictures(3)), list(synthetic_pictures(3))
    assert [picture.content for picture in first] == [picture.content for picture in again]
    assert first[2].content == list(synthetic_pictures(4))[2].content


@pytest.mark.parametrize("role", MIN_ACCURACY)
def test_demo_nets_classify_synthetic_pictures(role: str, results: Results) -> None:
    assert accuracy(role, results) >= MIN_ACCURACY[role]


@pytest.mark.parametrize("name", ["paper", "light", "pen", "handwriting"])
def test_accuracy_is_high_for_each_property(name: str, results: Results) -> None:
    for value in {getattr(picture, name) for picture, _ in results}:
        subset = [pair for pair in results if getattr(pair[0], name) == value]
        assert accuracy("teacher", subset) >= 0.9, value


@pytest.mark.parametrize("role", ["teacher", "baseline", "distilled"])
def test_mnist_digits_as_files_are_classified_as_tensors(role: str) -> None:
    images, labels = mnist_digits()
    assert len(images) == 1000
    decoded = [extract_digits(decode(encode_pixels(image), "digit.png")) for image in images]
    net_inputs = np.stack([result.digits[0].pixels for result in decoded])
    assert np.array_equal(net_inputs, images)
    from_files, from_tensors = demo_net(role)(net_inputs), demo_net(role)(images)
    assert abs((from_files == labels).mean() - (from_tensors == labels).mean()) <= 0.002
    assert np.array_equal(from_files, from_tensors)
