"""Batches of training and evaluation images, made on the device; seeds for their random order.

Shape suffixes in docstrings: N images of the split, B images of a batch, C×H×W channels, height and
width of an image, j the jitter in pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from tsexplorer.data.base import NO_LABEL, Normalisation, Split, derived_seed
from tsexplorer.errors import UserError
from tsexplorer.specs import TrainSpec


class TrainingBatch(NamedTuple):
    """Images and labels of one optimiser step.

    Attributes:
        indices: int64 B, positions of the samples in the training split.
        shift: int64 B×2, shift of the window on each padded image (down, right) in pixels, each
            -j...j; the picture moves the other way (up, left). None without jitter.
        images: float32 B×C×H×W, scaled.
        labels: int64 B; 0 where there is no label.
        label_weights: float32 B, 0 where there is no label, else such that the mean weight over the
            split is 1; None if all images have a label.
    """

    indices: Tensor
    shift: Tensor | None
    images: Tensor
    labels: Tensor
    label_weights: Tensor | None = None


class Batches:
    """Training batches of a split, epoch by epoch.

    Images stay where they are, possibly in a file; each batch is gathered, moved to the device,
    augmented and scaled.

    Attributes:
        images: uint8 N×H×W or N×H×W×3.
        labels: int64 N on the device, 0 where there is no label.
        jitter: largest random shift j along each axis, in pixels.
    """

    def __init__(
        self,
        split: Split,
        normalisation: Normalisation,
        train: TrainSpec,
        *,
        device: torch.device | str,
        seed: int,
    ) -> None:
        """Prepare the batches.

        Args:
            split: training images.
            normalisation: converts pixels to net input.
            train: batch size and augmentation. The last batch of an epoch may have fewer images.
            device: where the net is trained.
            seed: determines, with the epoch, the order and the augmentation.

        Raises:
            UserError: the batch is larger than the split.
        """
        if train.batch_size > len(split):
            raise UserError(
                f"The batch size {train.batch_size:,} is larger than the {len(split):,} training "
                f"images; choose {len(split):,} or less."
            )
        # On a graphics processor all pixels are moved once; in memory this is no copy.
        self.images = split.images.to(device)
        self._label_weights = _label_weights(split.labels.to(device))
        self.labels = split.labels.to(device).clamp(min=0)
        self.jitter = train.jitter
        self._mode = "reflect" if train.padding == "reflect" else "constant"
        self._flip = train.flip
        self._normalise = normalisation
        self._batch_size, self._seed = train.batch_size, seed

    def __len__(self) -> int:
        """Number of batches per epoch."""
        return -(-len(self.labels) // self._batch_size)

    def epoch(self, number: int) -> Iterator[TrainingBatch]:
        """The batches of epoch ``number``, a function of the seed and the number alone."""
        order = self._order(number)
        # Labels and shifts are gathered once per epoch; each batch takes views of them.
        labels = torch.split(self.labels[order], self._batch_size)
        weights = None if self._label_weights is None else self._label_weights[order]
        shifts, flips = self._shifts(number), self._flips(number)
        for position, indices in enumerate(torch.split(order, self._batch_size)):
            start = position * self._batch_size
            rows = slice(start, start + len(indices))
            shift = None if shifts is None else shifts[rows]
            images = self.pixels(indices, shift)
            if flips is not None:
                images = torch.where(
                    flips[rows].view(-1, *[1] * (images.dim() - 1)), images.flip(2), images
                )
            yield TrainingBatch(
                indices,
                shift,
                self._normalise(images),
                labels[position],
                None if weights is None else weights[rows],
            )

    def pixels(self, indices: Tensor, shift: Tensor | None) -> Tensor:
        """Pixels of some images, moved.

        Args:
            indices: int64 B, positions in the split.
            shift: int64 B×2, see :class:`TrainingBatch`; None: not moved.

        Returns:
            uint8 B×H×W or B×H×W×3.
        """
        images = self.images.index_select(0, indices)
        if shift is None:
            return images
        height, width = images.shape[1:3]
        windows = self._pad(images).unfold(1, height, 1).unfold(2, width, 1)
        down, right = (shift + self.jitter).unbind(1)
        moved = windows[torch.arange(len(indices), device=indices.device), down, right]
        # After unfolding, the colour channels stand before height and width.
        return moved if images.dim() == 3 else moved.permute(0, 2, 3, 1)

    def _pad(self, images: Tensor) -> Tensor:
        """Images with j pixels more on each side."""
        j = self.jitter
        if self._mode == "constant":
            sides = (j,) * 4 if images.dim() == 3 else (0, 0, *(j,) * 4)
            return pad(images, sides)
        if images.dim() == 3:
            return pad(images.unsqueeze(1), (j,) * 4, mode=self._mode).squeeze(1)
        return pad(images.permute(0, 3, 1, 2), (j,) * 4, mode=self._mode).permute(0, 2, 3, 1)

    def _order(self, epoch: int) -> Tensor:
        generator = self._generator(epoch, "order")
        return torch.randperm(len(self.labels), generator=generator).to(self.labels.device)

    def _shifts(self, epoch: int) -> Tensor | None:
        if self.jitter == 0:
            return None
        generator, j = self._generator(epoch, "jitter"), self.jitter
        shifts = torch.randint(-j, j + 1, (len(self.labels), 2), generator=generator)
        return shifts.to(self.labels.device)

    def _flips(self, epoch: int) -> Tensor | None:
        """Whether each image of an epoch is mirrored, bool N; None without flips."""
        if not self._flip:
            return None
        generator = self._generator(epoch, "flip")
        return (torch.rand(len(self.labels), generator=generator) < 0.5).to(self.labels.device)

    def _generator(self, epoch: int, purpose: str) -> torch.Generator:
        """A generator on the CPU, so that all devices get the same random numbers."""
        return torch.Generator().manual_seed(derived_seed(self._seed, epoch, purpose))


def _label_weights(labels_N: Tensor) -> Tensor | None:
    """Weights of the labels: 0 without a label, N / (number of labels) with one; None: all 1."""
    labelled_N = labels_N != NO_LABEL
    if bool(labelled_N.all()):
        return None
    return labelled_N.to(torch.get_default_dtype()) * (len(labels_N) / int(labelled_N.sum()))


def evaluation_batches(
    split: Split,
    normalisation: Normalisation,
    *,
    device: torch.device | str,
    batch_size: int,
) -> Iterator[Tensor]:
    """Scaled images of a split in its order, without augmentation.

    Args:
        split: images; a split on another device is moved batch by batch.
        normalisation: converts pixels to net input.
        device: where the net is.
        batch_size: number of images per batch; the last batch may have fewer.

    Yields:
        float32 B×C×H×W.
    """
    for pixels in torch.split(split.images, batch_size):
        yield normalisation(pixels.to(device))
