"""Batches: order, jitter and scaling; derived seeds."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tsexplorer.data.base import NO_LABEL, Normalisation, PixelStatistics, Split, derived_seed
from tsexplorer.data.batches import Batches, evaluation_batches
from tsexplorer.errors import UserError
from tsexplorer.specs import TrainSpec

N = 103


@pytest.fixture
def split() -> Split:
    generator = torch.Generator().manual_seed(5)
    images = torch.randint(0, 256, (N, 28, 28), dtype=torch.uint8, generator=generator)
    return Split(images, torch.arange(N) % 10)


@pytest.fixture
def colour_split() -> Split:
    generator = torch.Generator().manual_seed(6)
    images = torch.randint(0, 256, (N, 20, 24, 3), dtype=torch.uint8, generator=generator)
    return Split(images, torch.arange(N) % 10)


def normalisation(scaling: str, mean: float = 0.25, deviation: float = 0.5) -> Normalisation:
    return Normalisation(scaling, PixelStatistics((mean,), (deviation,)))


def make_batches(split: Split, *, seed: int = 1, **train) -> Batches:
    spec = TrainSpec(**({"batch_size": 10} | train))
    return Batches(split, normalisation("raw"), spec, device="cpu", seed=seed)


def order(batches: Batches, epoch: int) -> list[int]:
    return torch.cat([batch.indices for batch in batches.epoch(epoch)]).tolist()


def shift_window(image: torch.Tensor, down: int, right: int) -> torch.Tensor:
    """The image in a window shifted by these pixels, with zeros outside of the image."""
    window = torch.zeros(28, 28)
    rows = slice(max(0, down), min(28, 28 + down))
    columns = slice(max(0, right), min(28, 28 + right))
    visible = image[rows, columns]
    top, left = max(0, -down), max(0, -right)
    window[top : top + visible.shape[0], left : left + visible.shape[1]] = visible
    return window


@pytest.mark.parametrize(
    ("scaling", "expected"),
    [
        ("raw", [0.0, 51.0, 255.0]),
        ("unit", [0.0, 0.2, 1.0]),
        ("standard", [-0.5, -0.1, 1.5]),
    ],
)
def test_scaling(scaling, expected):
    image = torch.zeros(1, 28, 28, dtype=torch.uint8)
    image[0, 0, :3] = torch.tensor([0, 51, 255])
    scaled = normalisation(scaling)(image)
    assert scaled.shape == (1, 1, 28, 28)
    assert scaled.dtype == torch.float32
    assert scaled[0, 0, 0, :3].tolist() == pytest.approx(expected)


def test_colour_is_scaled_by_channel() -> None:
    statistics = PixelStatistics((0.0, 0.2, 0.4), (0.5, 1.0, 2.0))
    image = torch.tensor([0, 51, 255], dtype=torch.uint8).expand(1, 2, 3, 3)
    scaled = Normalisation("standard", statistics)(image)
    assert scaled.shape == (1, 3, 2, 3)
    expected = [0.0, 0.0, 0.3]
    assert scaled[0, :, 1, 2].tolist() == pytest.approx(expected)


def test_scaling_does_not_change_its_input(split):
    before = split.images.clone()
    normalisation("standard")(split.images)
    assert torch.equal(split.images, before)


def test_an_epoch_has_each_sample_once_and_a_short_last_batch(split):
    batches = make_batches(split)
    sizes = [len(batch.labels) for batch in batches.epoch(0)]
    assert sizes == [10] * 10 + [3]
    assert len(batches) == len(sizes)
    assert sorted(order(batches, 0)) == list(range(N))


def test_images_and_labels_are_those_of_the_indices(split):
    for batch in make_batches(split).epoch(2):
        assert batch.shift is None
        assert torch.equal(batch.images[:, 0], split.images[batch.indices].float())
        assert torch.equal(batch.labels, split.labels[batch.indices])


def test_order_is_a_function_of_seed_and_epoch(split):
    batches = make_batches(split)
    first = order(batches, 0)
    torch.manual_seed(9)
    assert order(batches, 0) == first
    assert order(make_batches(split), 0) == first
    assert order(batches, 1) != first
    assert order(make_batches(split, seed=2), 0) != first


def test_an_epoch_does_not_depend_on_earlier_ones(split):
    batches = make_batches(split, jitter=2)
    for epoch in range(3):
        list(batches.epoch(epoch))
    resumed = make_batches(split, jitter=2)
    for batch, resumed_batch in zip(batches.epoch(3), resumed.epoch(3), strict=True):
        assert torch.equal(batch.images, resumed_batch.images)


def test_the_global_random_state_is_not_used(split):
    before = torch.get_rng_state()
    list(make_batches(split, jitter=1).epoch(0))
    assert torch.equal(torch.get_rng_state(), before)


def test_jitter_shifts_the_window_on_each_image(split):
    for batch in make_batches(split, jitter=2).epoch(0):
        assert batch.shift is not None
        for image, index, shift in zip(batch.images, batch.indices, batch.shift, strict=True):
            assert torch.equal(image[0], shift_window(split.images[index], *shift.tolist()))


def test_jitter_uses_all_shifts_up_to_its_bound(split):
    batches = make_batches(split, jitter=1)
    shifts = [batch.shift for epoch in range(3) for batch in batches.epoch(epoch)]
    pairs = {tuple(pair) for shift in shifts for pair in shift.tolist()}
    assert pairs == {(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)}


def test_jitter_depends_on_the_epoch_and_keeps_the_order(split):
    jittered = make_batches(split, jitter=2)
    assert order(jittered, 0) == order(make_batches(split), 0)
    first, second = (
        torch.cat([batch.shift for batch in jittered.epoch(epoch)]) for epoch in (0, 1)
    )
    assert not torch.equal(first, second)


def test_colour_images_are_shifted_as_a_whole(colour_split):
    for batch in make_batches(colour_split, jitter=3).epoch(0):
        for image, index, (down, right) in zip(
            batch.images, batch.indices, batch.shift.tolist(), strict=True
        ):
            original = colour_split.images[index].permute(2, 0, 1).float()
            rows = slice(max(0, down), min(20, 20 + down))
            columns = slice(max(0, right), min(24, 24 + right))
            top, left = max(0, -down), max(0, -right)
            visible = original[:, rows, columns]
            height, width = visible.shape[1:]
            assert torch.equal(image[:, top : top + height, left : left + width], visible)
            assert image.sum() == visible.sum()


def test_reflected_edges_have_no_black_border(split):
    white = Split(torch.full_like(split.images, 255), split.labels)
    for batch in make_batches(white, jitter=4, padding="reflect").epoch(0):
        assert (batch.images == 255).all()


@pytest.mark.parametrize("colour", [False, True])
def test_half_of_the_images_are_mirrored(split, colour_split, colour):
    chosen = colour_split if colour else split
    mirrored = 0
    for batch in make_batches(chosen, flip=True).epoch(0):
        for image, index in zip(batch.images, batch.indices, strict=True):
            original = chosen.images[index].float()
            original = original.permute(2, 0, 1) if colour else original.unsqueeze(0)
            is_mirrored = torch.equal(image, original.flip(2))
            assert is_mirrored or torch.equal(image, original)
            mirrored += is_mirrored
    assert 0.3 * N < mirrored < 0.7 * N


def test_images_without_a_label_have_weight_zero(split):
    labels = torch.where(torch.arange(N) % 4 == 0, split.labels, NO_LABEL)
    labelled = int((labels != NO_LABEL).sum())
    weights = torch.zeros(N)
    for batch in make_batches(Split(split.images, labels)).epoch(0):
        weights[batch.indices] = batch.label_weights
        has_label = labels[batch.indices] != NO_LABEL
        assert torch.equal(batch.labels[has_label], labels[batch.indices][has_label])
        assert (batch.labels[~has_label] == 0).all()
    assert weights[labels == NO_LABEL].sum() == 0
    assert weights[labels != NO_LABEL].tolist() == pytest.approx([N / labelled] * labelled)
    assert next(make_batches(split).epoch(0)).label_weights is None


def test_a_batch_larger_than_the_split_is_refused(split):
    make_batches(split, batch_size=N)
    with pytest.raises(UserError, match=r"batch size 104 is larger than the 103 training images"):
        make_batches(split, batch_size=N + 1)


def test_evaluation_batches_are_in_order_and_scaled(split):
    scaling = normalisation("standard", 0.2, 0.3)
    batches = list(evaluation_batches(split, scaling, device="cpu", batch_size=40))
    assert [len(images) for images in batches] == [40, 40, 23]
    assert torch.equal(torch.cat(batches), scaling(split.images))


def test_a_split_on_its_device_is_not_copied(split):
    assert split.to("cpu") is split
    assert split.to("meta").images.device.type == "meta"


class TestDerivedSeed:
    def test_seeds_are_those_of_earlier_releases(self):
        assert derived_seed(0, 1, "order") == 1_314_866_371_737_174_458

    def test_values_types_and_order_of_the_parts_count(self):
        all_parts = [
            *((0, 1), (1, 0), (0, 1, ""), ("0", 1), ("0", "1"), ("01",)),
            *(("ab", "c"), ("a", "bc")),
        ]
        assert len({derived_seed(*parts) for parts in all_parts}) == len(all_parts)

    def test_every_generator_accepts_them(self):
        for number in range(100):
            seed = derived_seed(number)
            assert 0 <= seed < 2**63
            torch.Generator().manual_seed(seed)
            np.random.default_rng(seed)

    def test_consecutive_seeds_differ_in_the_bits_torch_uses(self):
        assert len({derived_seed(number) % 2**32 for number in range(2000)}) == 2000
