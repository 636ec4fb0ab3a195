"""Batches made on the training device: gathered, jittered and scaled in a handful of operations.

Shape suffixes: N images of the split, B of them in a batch, j the jitter in pixels.

Seeds for generators, derived from what the random numbers are for.
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

EVALUATION_BATCH = 1000


class Batch(NamedTuple):
    """What one optimiser step sees.

    Attributes:
        index: int64 B, places of the samples in the training split.
        shift: int64 B×2, pixels by which the window on each image moved (down, right), so that
            the figure moved (up, left), each -j...j; None without jitter.
        images: float32 B×1×28×28, scaled.
        labels: int64 B.
    """

    index: Tensor  # type: ignore[assignment]  # a tuple's own index() is not missed
    shift: Tensor | None
    images: Tensor
    labels: Tensor


def scale(
    images: Tensor,
    scaling: Scaling,
    mean: float,
    deviation: float,
    *,
    channels_last: bool = False,
) -> Tensor:
    """Net input made of pixels; the same function in training, evaluation and prediction.

    Args:
        images: uint8 N×28×28.
        scaling: ``unit`` divides by 255, ``standard`` then subtracts the mean and divides by the
            deviation, ``raw`` leaves 0...255.
        mean: of the training pixels / 255; used by ``standard``.
        deviation: of the training pixels / 255; used by ``standard``.
        channels_last: memory format of the result.

    Returns:
        N×1×28×28 in torch's default dtype, float32.
    """
    pixels = images.to(torch.get_default_dtype())
    if scaling != "raw":
        pixels = pixels.div_(255)
    if scaling == "standard":
        pixels = pixels.sub_(mean).div_(deviation)
    if channels_last:
        # With one channel both formats lie alike in memory; the strides alone tell them apart.
        return pixels.unsqueeze(-1).permute(0, 3, 1, 2)
    return pixels.unsqueeze(1)


class Batches:
    """The training split, epoch by epoch.

    Attributes:
        padded: uint8 N×(28+2j)×(28+2j) on the device, j zeros on each side.
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
        channels_last: bool = False,
    ) -> None:
        """Bring the images to the device.

        Args:
            split: what to learn from.
            scaling: see :func:`scale`.
            mean: of the training pixels / 255.
            deviation: of the training pixels / 255.
            device: where the net is trained.
            batch_size: images a batch; the last batch of an epoch may be shorter.
            jitter: largest random shift j on each axis, in pixels.
            seed: with the epoch it decides order and shifts.
            channels_last: memory format of the images.

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
        self._channels_last = channels_last

    def __len__(self) -> int:
        """Batches an epoch."""
        return -(-len(self.labels) // self._batch_size)

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of one epoch: a function of the seed and the epoch's number alone."""
        order = self._order(number)
        # One gather an epoch for the labels; what the loop takes from here on are views.
        labels = torch.split(self.labels[order], self._batch_size)
        shifts = self._shifts(number)
        for place, index in enumerate(torch.split(order, self._batch_size)):
            shift = None if shifts is None else shifts[place]
            yield Batch(index, shift, self._images(index, shift), labels[place])

    def _images(self, index: Tensor, shift: Tensor | None) -> Tensor:
        if shift is None:
            pixels = self.padded.index_select(0, index)
        else:
            down, right = (shift + self._jitter).unbind(1)
            pixels = self._windows[index, down, right]
        return scale(
            pixels, self._scaling, self._mean, self._deviation, channels_last=self._channels_last
        )

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
        """A CPU generator whatever the device, so that every device sees the same order."""
        return torch.Generator().manual_seed(derived_seed(self._seed, epoch, purpose))


def evaluation_batches(
    split: Split,
    *,
    scaling: Scaling,
    mean: float,
    deviation: float,
    device: torch.device | str,
    batch_size: int = EVALUATION_BATCH,
    channels_last: bool = False,
) -> Iterator[Tensor]:
    """Scaled images of a split in its own order, without jitter.

    Args:
        split: what to look at; moved batch by batch unless it is on the device already.
        scaling: see :func:`scale`.
        mean: of the training pixels / 255.
        deviation: of the training pixels / 255.
        device: where the net is.
        batch_size: images a batch; the last may be shorter.
        channels_last: memory format of the images.

    Yields:
        float32 B×1×28×28.
    """
    for pixels in torch.split(split.images, batch_size):
        yield scale(pixels.to(device), scaling, mean, deviation, channels_last=channels_last)


def derived_seed(*parts: int | str) -> int:
    """A seed that is a function of ``parts`` alone, in every process and on every machine.

    Generators that are seeded with neighbouring numbers, or that share one number, are not
    independent of each other; a digest of (seed, epoch, purpose) makes them so. An int and its
    spelling are different parts, and so are ``("ab", "c")`` and ``("a", "bc")``.

    Args:
        parts: for example the stage's seed, the epoch and the purpose.

    Returns:
        0...2⁶³ - 1, which every generator takes (torch's CPU generator uses the lowest 32 bits).

    >>> derived_seed(0, 3, "order") == derived_seed(0, 3, "order")
    True
    >>> derived_seed(0, 3, "order") == derived_seed(0, 3, "jitter")
    False
    """
    digest = hashlib.sha256(json.dumps(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
