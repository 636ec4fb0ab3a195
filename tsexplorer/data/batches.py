"""Batches of training and evaluation images, made on the device; seeds for their random order.

Shape suffixes in docstrings: N images of the split, B images of a batch, j the jitter in pixels.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from tsexplorer.data.base import SIDE, Split
from tsexplorer.errors import UserError
from tsexplorer.specs import Scaling


class TrainingBatch(NamedTuple):
    """Images and labels of one optimiser step.

    Attributes:
        indices: int64 B, positions of the samples in the training split.
        shift: int64 B×2, shift of the 28×28 window on each padded image (down, right) in pixels,
            each -j...j; the digit moves the other way (up, left). None without jitter.
        images: float32 B×1×28×28, scaled.
        labels: int64 B.
    """

    indices: Tensor
    shift: Tensor | None
    images: Tensor
    labels: Tensor


def scale(
    images: Tensor,
    scaling: Scaling,
    mean: float,
    deviation: float,
) -> Tensor:
    """Convert pixels to net input, in training, evaluation and prediction alike.

    Args:
        images: uint8 N×28×28.
        scaling: ``unit`` divides by 255; ``standard`` then subtracts the mean and divides by the
            deviation; ``raw`` keeps 0...255.
        mean: mean of the training pixels / 255, for ``standard``.
        deviation: standard deviation of the training pixels / 255, for ``standard``.

    Returns:
        N×1×28×28 in torch's default type, float32.
    """
    pixels = images.to(torch.get_default_dtype())
    if scaling != "raw":
        pixels = pixels.div_(255)
    if scaling == "standard":
        pixels = pixels.sub_(mean).div_(deviation)
    return pixels.unsqueeze(1)


class Batches:
    """Training batches of a split, epoch by epoch.

    Attributes:
        padded: uint8 N×(28+2j)×(28+2j) on the device, with j zeros on each side.
        labels: int64 N on the device.
    """

    def __init__(
        self,
        split: Split,
        *,
        scaling: Scaling,
        mean: float,
        deviation: float,
        device: torch.device | str,
        batch_size: int,
        jitter: int,
        seed: int,
    ) -> None:
        """Move the images to the device.

        Args:
            split: training images.
            scaling: see :func:`scale`.
            mean: mean of the training pixels / 255.
            deviation: standard deviation of the training pixels / 255.
            device: where the net is trained.
            batch_size: number of images per batch; the last batch of an epoch may have fewer.
            jitter: largest random shift j along each axis, in pixels.
            seed: determines, with the epoch, the order and the shifts.

        Raises:
            UserError: the batch is larger than the split.
        """
        if batch_size > len(split):
            raise UserError(
                f"The batch size {batch_size:,} is larger than the {len(split):,} training "
                f"images; choose {len(split):,} or less."
            )
        self.padded = pad(split.images.to(device), (jitter,) * 4)
        self.labels = split.labels.to(device)
        self._windows = self.padded.unfold(1, SIDE, 1).unfold(2, SIDE, 1)
        self._scaling, self._mean, self._deviation = scaling, mean, deviation
        self._batch_size, self._jitter, self._seed = batch_size, jitter, seed

    def __len__(self) -> int:
        """Number of batches per epoch."""
        return -(-len(self.labels) // self._batch_size)

    def epoch(self, number: int) -> Iterator[TrainingBatch]:
        """The batches of epoch ``number``, a function of the seed and the number alone."""
        order = self._order(number)
        # Labels and shifts are gathered once per epoch; each batch takes views of them.
        labels = torch.split(self.labels[order], self._batch_size)
        shifts = self._shifts(number)
        for position, indices in enumerate(torch.split(order, self._batch_size)):
            shift = None if shifts is None else shifts[position]
            yield TrainingBatch(indices, shift, self._images(indices, shift), labels[position])

    def _images(self, indices: Tensor, shift: Tensor | None) -> Tensor:
        if shift is None:
            pixels = self.padded.index_select(0, indices)
        else:
            down, right = (shift + self._jitter).unbind(1)
            pixels = self._windows[indices, down, right]
        return scale(pixels, self._scaling, self._mean, self._deviation)

    def _order(self, epoch: int) -> Tensor:
        generator = self._generator(epoch, "order")
        return torch.randperm(len(self.labels), generator=generator).to(self.labels.device)

    def _shifts(self, epoch: int) -> tuple[Tensor, ...] | None:
        if self._jitter == 0:
            return None
        generator, j = self._generator(epoch, "jitter"), self._jitter
        shifts = torch.randint(-j, j + 1, (len(self.labels), 2), generator=generator)
        return torch.split(shifts.to(self.labels.device), self._batch_size)

    def _generator(self, epoch: int, purpose: str) -> torch.Generator:
        """A generator on the CPU, so that all devices get the same random numbers."""
        return torch.Generator().manual_seed(derived_seed(self._seed, epoch, purpose))


def evaluation_batches(
    split: Split,
    *,
    scaling: Scaling,
    mean: float,
    deviation: float,
    device: torch.device | str,
    batch_size: int,
) -> Iterator[Tensor]:
    """Scaled images of a split in its order, without jitter.

    Args:
        split: images; a split on another device is moved batch by batch.
        scaling: see :func:`scale`.
        mean: mean of the training pixels / 255.
        deviation: standard deviation of the training pixels / 255.
        device: where the net is.
        batch_size: number of images per batch; the last batch may have fewer.

    Yields:
        float32 B×1×28×28.
    """
    for pixels in torch.split(split.images, batch_size):
        yield scale(pixels.to(device), scaling, mean, deviation)


def derived_seed(*parts: int | str) -> int:
    """A seed that is a function of ``parts``, the same in every process and on every machine.

    Generators with consecutive or equal seeds are not independent of each other. Seeds made from a
    digest of (seed, epoch, purpose) are. An int and its decimal string give different seeds, and so
    do ``("ab", "c")`` and ``("a", "bc")``.

    Args:
        parts: for example the seed of the stage, the epoch and the purpose.

    Returns:
        0...2⁶³ - 1, valid for every generator (torch's CPU generator uses the lowest 32 bits).

    >>> derived_seed(0, 3, "order") == derived_seed(0, 3, "order")
    True
    >>> derived_seed(0, 3, "order") == derived_seed(0, 3, "jitter")
    False
    """
    digest = hashlib.sha256(json.dumps(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
