"""Batches: every sample once, in an order of its own, jittered and scaled as told."""

from __future__ import annotations

import pytest
import torch

from tsexplorer.data.base import Split
from tsexplorer.data.batches import Batches, evaluation_batches, scale
from tsexplorer.errors import UserError

N = 103


@pytest.fixture
def split() -> Split:
    generator = torch.Generator().manual_seed(5)
    images = torch.randint(0, 256, (N, 28, 28), dtype=torch.uint8, generator=generator)
    return Split(images, torch.arange(N) % 10)


def batches(split: Split, **changes) -> Batches:
    settings = {
        "scaling": "raw",
        "mean": 0.25,
        "deviation": 0.5,
        "device": "cpu",
        "batch_size": 10,
        "jitter": 0,
        "seed": 1,
    }
    return Batches(split, **(settings | changes))


def order(one: Batches, epoch: int) -> list[int]:
    return torch.cat([batch.indices for batch in one.epoch(epoch)]).tolist()


def moved(image: torch.Tensor, down: int, right: int) -> torch.Tensor:
    """The image as seen through a window that moved; pixel by pixel, zeros outside."""
    seen = torch.zeros(28, 28)
    for row in range(28):
        for column in range(28):
            y, x = row + down, column + right
            if 0 <= y < 28 and 0 <= x < 28:
                seen[row, column] = image[y, x]
    return seen


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
    scaled = scale(image, scaling, mean=0.25, deviation=0.5)
    assert scaled.shape == (1, 1, 28, 28)
    assert scaled.dtype == torch.float32
    assert scaled[0, 0, 0, :3].tolist() == pytest.approx(expected)


def test_scaling_leaves_the_pixels_alone(split):
    before = split.images.clone()
    scale(split.images, "standard", 0.1, 0.3)
    assert torch.equal(split.images, before)


def test_each_sample_comes_once_an_epoch_and_the_short_batch_is_kept(split):
    one = batches(split)
    sizes = [len(batch.labels) for batch in one.epoch(0)]
    assert sizes == [10] * 10 + [3]
    assert len(one) == len(sizes)
    assert sorted(order(one, 0)) == list(range(N))


def test_images_and_labels_belong_to_the_index(split):
    for batch in batches(split).epoch(2):
        assert batch.shift is None
        assert torch.equal(batch.images[:, 0], split.images[batch.indices].float())
        assert torch.equal(batch.labels, split.labels[batch.indices])


def test_order_is_a_function_of_seed_and_epoch(split):
    one = batches(split)
    first = order(one, 0)
    torch.manual_seed(9)
    assert order(one, 0) == first
    assert order(batches(split), 0) == first
    assert order(one, 1) != first
    assert order(batches(split, seed=2), 0) != first


def test_a_later_epoch_needs_no_earlier_one(split):
    one = batches(split, jitter=2)
    for epoch in range(3):
        list(one.epoch(epoch))
    resumed = batches(split, jitter=2)
    for old, new in zip(one.epoch(3), resumed.epoch(3), strict=True):
        assert torch.equal(old.images, new.images)


def test_the_global_generator_is_neither_read_nor_moved(split):
    before = torch.get_rng_state()
    list(batches(split, jitter=1).epoch(0))
    assert torch.equal(torch.get_rng_state(), before)


def test_jitter_shows_each_image_through_the_window_it_names(split):
    for batch in batches(split, jitter=2).epoch(0):
        assert batch.shift is not None
        for image, index, shift in zip(batch.images, batch.indices, batch.shift, strict=True):
            assert torch.equal(image[0], moved(split.images[index], *shift.tolist()))


def test_jitter_takes_every_shift_up_to_its_bound(split):
    one = batches(split, jitter=1)
    shifts = [batch.shift for epoch in range(3) for batch in one.epoch(epoch)]
    pairs = {tuple(pair) for shift in shifts for pair in shift.tolist()}
    assert pairs == {(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)}


def test_jitter_changes_with_the_epoch_and_not_the_order(split):
    jittered = batches(split, jitter=2)
    assert order(jittered, 0) == order(batches(split), 0)
    first, second = (torch.cat([b.shift for b in jittered.epoch(epoch)]) for epoch in (0, 1))
    assert not torch.equal(first, second)


def test_padded_images_carry_zeros_around_them(split):
    padded = batches(split, jitter=3).padded
    assert padded.shape == (N, 34, 34)
    assert padded.dtype == torch.uint8
    assert torch.equal(padded[:, 3:-3, 3:-3], split.images)
    assert padded.sum() == split.images.sum()


def test_a_batch_larger_than_the_data_says_so_at_once(split):
    batches(split, batch_size=N)
    with pytest.raises(UserError, match=r"batch size 104 is larger than the 103 training images"):
        batches(split, batch_size=N + 1)


def test_evaluation_keeps_the_order_and_scales_as_training_does(split):
    settings = {"scaling": "standard", "mean": 0.2, "deviation": 0.3, "device": "cpu"}
    seen = list(evaluation_batches(split, **settings, batch_size=40))
    assert [len(images) for images in seen] == [40, 40, 23]
    assert torch.equal(torch.cat(seen), scale(split.images, "standard", 0.2, 0.3))


def test_a_split_that_is_where_it_should_be_is_not_copied(split):
    assert split.to("cpu") is split
    assert split.to("meta").images.device.type == "meta"
