"""Teacher logits for each training batch, computed in advance where that saves time.

Without jitter the training images are fixed, so their logits are computed once and cached by sample
index. With jitter of up to j pixels each sample has (2j + 1)² variants; the cache then has one
entry per sample and shift. This saves time if the stage shows each variant about as often as the
cache computes it. Otherwise the teacher computes the logits of each batch. Both ways give the same
logits up to rounding.

Shape suffixes: K teachers, B images of a batch, C classes, V variants (shifts), N training samples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from tsexplorer.data.base import Normalisation
from tsexplorer.data.batches import Batches, TrainingBatch
from tsexplorer.models.network import Net
from tsexplorer.specs import Combine, TrainSpec
from tsexplorer.training.device import autocast
from tsexplorer.training.responsiveness import MAX_EVALUATION_BATCH

MIN_EPOCHS_PER_VARIANT = 0.5
"""Least number of epochs per variant for which the cache is faster. The cache uses large batches,
in which an image takes half of the time."""
MAX_CACHE_BYTES = 2**30


class TeacherOutputs(Protocol):
    """Source of a teacher's outputs for training batches."""

    def logits(self, batch: TrainingBatch) -> Tensor:
        """Teacher's logits B×C for the images of a batch, without gradient."""
        ...

    def logits_and_features(
        self, batch: TrainingBatch, names: tuple[str, ...]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Teacher's logits B×C, and the outputs of the named layers, without gradient."""
        ...


class MeanOfTeachers(nn.Module):
    """Several teachers as one net; with one teacher, that teacher.

    With weights w that sum to 1, the logits are

        logits:         Σ w_k z_k
        probabilities:  log Σ w_k softmax(z_k)  +  Σ w_k logsumexp(z_k)

    The softmax of the second formula is the mean of the teachers' softmaxes. Its last term is the
    same for all classes, so it does not change the softmax; it keeps the logits at the level of the
    teachers' logits. An objective with T ≠ 1 divides the result by T: it uses the tempered mean,
    not the mean of tempered softmaxes.
    """

    w_K: Tensor

    def __init__(
        self,
        nets: Sequence[nn.Module],
        weights: Sequence[float] = (),
        combine: Combine = "logits",
    ) -> None:
        """Freeze the nets and set them to evaluation mode.

        Args:
            nets: the K teachers.
            weights: positive weights of the teachers, with any sum; empty for equal weights.
            combine: what is averaged.
        """
        super().__init__()
        self.nets = nn.ModuleList(nets)
        self._combine: Combine = combine if len(nets) > 1 else "logits"
        self._equal_weights = not weights
        w_K = torch.tensor(weights or [1.0] * len(nets))
        self.register_buffer("w_K", w_K / w_K.sum(), persistent=False)
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        """Logits B×C of scaled images B×C×H×W."""
        return self._mean([net(images) for net in self.nets])

    def forward_with(
        self, images: Tensor, names: tuple[str, ...]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Logits B×C, and the outputs of the named layers of the first teacher."""
        first, *others = self.nets
        assert isinstance(first, Net)
        z_BC, features = first.forward_with(images, names)
        return self._mean([z_BC, *(net(images) for net in others)]), features

    def _mean(self, logits: Sequence[Tensor]) -> Tensor:
        z_KBC = torch.stack(list(logits))
        if self._combine == "logits" and self._equal_weights:
            return z_KBC.mean(0)
        z_KBC, w_K11 = z_KBC.to(torch.get_default_dtype()), self.w_K[:, None, None]
        if self._combine == "logits":
            return (w_K11 * z_KBC).sum(0)
        level_KB1 = z_KBC.logsumexp(-1, keepdim=True)
        log_p_BC = (z_KBC - level_KB1 + w_K11.log()).logsumexp(0)
        return log_p_BC + (w_K11 * level_KB1).sum(0)


class OnlineTeacher:
    """Computes the teacher's outputs for the images that the student gets."""

    def __init__(self, net: MeanOfTeachers, *, bf16: bool) -> None:
        self._net = net
        self._bf16 = bf16

    def logits(self, batch: TrainingBatch) -> Tensor:
        """Teacher's logits B×C in fp32."""
        return self.logits_of_images(batch.images)

    @torch.no_grad()
    def logits_of_images(self, images: Tensor) -> Tensor:
        """Teacher's logits B×C in fp32 for scaled images B×C×H×W."""
        with autocast(self._bf16, images.device):
            z_BC: Tensor = self._net(images)
        return z_BC.to(torch.get_default_dtype())

    @torch.no_grad()
    def logits_and_features(
        self, batch: TrainingBatch, names: tuple[str, ...]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Teacher's logits B×C and the outputs of the named layers, in fp32."""
        if not names:
            return self.logits(batch), {}
        with autocast(self._bf16, batch.images.device):
            z_BC, features = self._net.forward_with(batch.images, names)
        dtype = torch.get_default_dtype()
        return z_BC.to(dtype), {name: feature.to(dtype) for name, feature in features.items()}


class CachedTeacher:
    """Holds the teacher's logits of all samples and shifts."""

    def __init__(
        self,
        teacher: OnlineTeacher,
        batches: Batches,
        normalisation: Normalisation,
        check: Callable[[float], None],
        batch_size: int = MAX_EVALUATION_BATCH,
    ) -> None:
        """Compute the logits of all variants of all training images.

        Args:
            teacher: computes the logits.
            batches: the training images, and their largest shift j in pixels; without flips.
            normalisation: converts pixels to net input.
            check: called with the finished share before each batch; may raise to stop.
            batch_size: number of images per batch.
        """
        jitter, count = batches.jitter, len(batches.labels)
        side, device = 2 * jitter + 1, batches.labels.device
        moves = range(-jitter, jitter + 1)
        shifts = [(down, right) for down in moves for right in moves]
        z_VNC = []
        for variant, shift in enumerate(shifts):
            z_NC = []
            for indices in torch.split(torch.arange(count, device=device), batch_size):
                check((variant + int(indices[0]) / count) / len(shifts))
                moved = torch.tensor([shift], device=device).expand(len(indices), 2)
                pixels = batches.pixels(indices, moved if jitter else None)
                z_NC.append(teacher.logits_of_images(normalisation(pixels)))
            z_VNC.append(torch.cat(z_NC))
        self._z_VNC = torch.stack(z_VNC)
        self._side, self._jitter = side, jitter

    def logits(self, batch: TrainingBatch) -> Tensor:
        """Teacher's logits B×C."""
        if batch.shift is None:
            return self._z_VNC[0][batch.indices]
        shift = batch.shift + self._jitter
        variant = shift[:, 0] * self._side + shift[:, 1]
        return self._z_VNC[variant, batch.indices]

    def logits_and_features(
        self, batch: TrainingBatch, names: tuple[str, ...]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Teacher's logits B×C; ``names`` must be empty, since layer outputs are not cached."""
        assert not names
        return self.logits(batch), {}


def is_cache_worthwhile(train: TrainSpec, samples: int, classes: int) -> bool:
    """Whether to compute all teacher logits in advance.

    Args:
        train: epochs and augmentation; mirrored images are never computed in advance.
        samples: number of training images.
        classes: number of classes.
    """
    if train.flip:
        return False
    variants = (2 * train.jitter + 1) ** 2
    fits = variants * samples * classes * 4 <= MAX_CACHE_BYTES
    return fits and train.epochs >= MIN_EPOCHS_PER_VARIANT * variants
