"""The teacher's logits for each batch: computed once where that is possible.

Over a fixed training set they are computed once and kept by sample index. With jitter of at most
j pixels there are (2j + 1)² images a sample, so they can be kept by sample index and shift; that
pays when the stage shows each image at least about as often, else the teacher runs along. Both
ways give the same logits to rounding (a test holds the cache to the teacher's own answer).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from tsexplorer.data.batches import Batch
from tsexplorer.models.network import Net
from tsexplorer.specs import Combine
from tsexplorer.training.device import autocast
from tsexplorer.training.responsiveness import LARGEST_BATCH

Scaler = Callable[[Tensor], Tensor]
Check = Callable[[float], None]

CACHE_PAYS_FROM = 0.5
"""Epochs a variant from which the cache is cheaper: a large batch costs half as much an image."""
CACHE_BYTES = 2**30


class TeacherOutputs(Protocol):
    """Anything that answers for a batch."""

    def logits(self, batch: Batch) -> Tensor:
        """Teacher's logits B×C for the batch's images, without gradient."""
        ...

    def look(self, batch: Batch, names: tuple[str, ...]) -> tuple[Tensor, dict[str, Tensor]]:
        """The same, and what the layers named say; names only of a teacher that runs along."""
        ...


class MeanOfTeachers(nn.Module):
    """Several nets as one that answers with logits. One teacher is itself.

    With weights w that sum to 1, the logits are

        logits:         Σ w_k z_k
        probabilities:  log Σ w_k softmax(z_k)  +  Σ w_k logsumexp(z_k)

    The second have the mean of the softmaxes for their softmax; what is added is the same for all
    classes, so that it changes no softmax, and keeps the logits at the level of the teachers' own.
    An objective that tempers them by T ≠ 1 tempers that mean: it does not average tempered
    softmaxes.
    """

    w_K: Tensor

    def __init__(
        self,
        nets: Sequence[nn.Module],
        weights: Sequence[float] = (),
        combine: Combine = "logits",
    ) -> None:
        """Take the nets.

        Args:
            nets: K of them.
            weights: what each counts, whatever their sum; none stands for all alike.
            combine: what is averaged.
        """
        super().__init__()
        self.nets = nn.ModuleList(nets)
        self._combine: Combine = combine if len(nets) > 1 else "logits"
        self._alike = not weights
        w_K = torch.tensor(weights or [1.0] * len(nets))
        self.register_buffer("w_K", w_K / w_K.sum(), persistent=False)
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        """Logits B×C."""
        return self._one([net(images) for net in self.nets])

    def forward_with(
        self, images: Tensor, names: tuple[str, ...]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Logits B×C, and what layers of the first net say, by name."""
        first, *others = self.nets
        assert isinstance(first, Net)
        z_BC, seen = first.forward_with(images, names)
        return self._one([z_BC, *(net(images) for net in others)]), seen

    def _one(self, answers: Sequence[Tensor]) -> Tensor:
        z_KBC = torch.stack(list(answers))
        if self._combine == "logits" and self._alike:
            return z_KBC.mean(0)
        z_KBC, w_K11 = z_KBC.to(torch.get_default_dtype()), self.w_K[:, None, None]
        if self._combine == "logits":
            return (w_K11 * z_KBC).sum(0)
        level_KB1 = z_KBC.logsumexp(-1, keepdim=True)
        log_p_BC = (z_KBC - level_KB1 + w_K11.log()).logsumexp(0)
        return log_p_BC + (w_K11 * level_KB1).sum(0)


class Online:
    """The teacher looks at each batch as the student sees it."""

    def __init__(self, net: MeanOfTeachers, *, bf16: bool) -> None:
        self._net = net
        self._bf16 = bf16

    @torch.no_grad()
    def logits(self, batch: Batch) -> Tensor:
        """Teacher's logits B×C."""
        return self.answer(batch.images)

    @torch.no_grad()
    def look(self, batch: Batch, names: tuple[str, ...]) -> tuple[Tensor, dict[str, Tensor]]:
        """Teacher's logits B×C, and what the layers named say."""
        if not names:
            return self.logits(batch), {}
        with autocast(self._bf16, batch.images.device):
            z_BC, seen = self._net.forward_with(batch.images, names)
        full = torch.get_default_dtype()
        return z_BC.to(full), {name: value.to(full) for name, value in seen.items()}

    @torch.no_grad()
    def answer(self, images: Tensor) -> Tensor:
        """Logits B×C of scaled images B×1×28×28."""
        with autocast(self._bf16, images.device):
            z_BC: Tensor = self._net(images)
        return z_BC.to(torch.get_default_dtype())


class Cached:
    """The teacher's logits over all samples (and shifts), looked up by index."""

    def __init__(
        self,
        teacher: Online,
        images: Tensor,
        scaler: Scaler,
        jitter: int,
        check: Check,
        batch: int = LARGEST_BATCH,
    ) -> None:
        """Run the teacher once over everything.

        Args:
            teacher: whom to ask.
            images: uint8 N×(28+2j)×(28+2j), padded by ``jitter``.
            scaler: makes net input of uint8 images.
            jitter: largest shift j in pixels.
            check: called with the share done before each batch; may raise to stop.
            batch: images at a time.
        """
        side = 2 * jitter + 1
        windows = images.unfold(1, 28, 1).unfold(2, 28, 1)
        variants = [(dy, dx) for dy in range(side) for dx in range(side)]
        answers = []
        for number, (dy, dx) in enumerate(variants):
            view = windows[:, dy, dx]
            parts = []
            for start in range(0, len(view), batch):
                check((number + start / len(view)) / len(variants))
                parts.append(teacher.answer(scaler(view[start : start + batch])))
            answers.append(torch.cat(parts))
        self._logits_VNC = torch.stack(answers)
        self._side, self._jitter = side, jitter

    def logits(self, batch: Batch) -> Tensor:
        """Teacher's logits B×C."""
        if batch.shift is None:
            return self._logits_VNC[0][batch.index]
        shift = batch.shift + self._jitter
        variant = shift[:, 0] * self._side + shift[:, 1]
        return self._logits_VNC[variant, batch.index]

    def look(self, batch: Batch, names: tuple[str, ...]) -> tuple[Tensor, dict[str, Tensor]]:
        """Teacher's logits B×C. What its layers say is not kept."""
        assert not names
        return self.logits(batch), {}


def cache_pays(jitter: int, epochs: int, samples: int, classes: int) -> bool:
    """Whether to compute all answers beforehand rather than batch by batch."""
    variants = (2 * jitter + 1) ** 2
    fits = variants * samples * classes * 4 <= CACHE_BYTES
    return fits and epochs >= CACHE_PAYS_FROM * variants
