"""Logits for the lens of the toy app, and their softmax by torch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tsexplorer.specs import Role

if TYPE_CHECKING:
    from torch import Tensor

HOSTILE = '<img src=x onerror="console.error(1)">'
LETTERS = 26
LOGITS: dict[str, dict[Role, list[float]]] = {
    "digits": {
        "teacher": [1.2, -0.7, 17.25, 13.5, -6.0, 0.1, 4.4, 9.9, 5.0, -2.5],
        "baseline": [0.2, 1.7, 7.25, 8.5, -1.0, 2.1, 1.4, 3.9, 2.0, -0.5],
        "distilled": [0.9, -0.2, 11.25, 9.5, -3.0, 0.4, 2.4, 6.9, 3.0, -1.5],
    },
    # Far apart, close together, and too large for exp() at T = 0.5.
    "letters": {
        "teacher": [80.0 - 6.4 * c for c in range(LETTERS)],
        "baseline": [-80.0 if c % 2 else 80.0 + 1e-6 * c for c in range(LETTERS)],
        "distilled": [800.0 * math.cos(c) for c in range(LETTERS)],
    },
}
LOGITS["other"] = {role: values[::-1] for role, values in LOGITS["digits"].items()}
CLASSES = {
    "digits": list("0123456789"),
    "letters": [chr(ord("A") + c) for c in range(LETTERS)],
    "other": [HOSTILE, "Ankle boot", *"23456789"],
}
LABELS = {"digits": 2, "letters": 0, "other": 7}


def shown_rows(data: str) -> list[list[int]]:
    """The classes of each row of the lens: of many classes the last row has all others."""
    import numpy as np

    from tsexplorer.plots.classes import LIKELIEST, MAX_ROWS, likeliest_classes

    count = len(CLASSES[data])
    if count <= MAX_ROWS:
        return [[c] for c in range(count)]
    nets = [np.array(LOGITS[data][role]) for role in ("teacher", "baseline", "distilled")]
    single = likeliest_classes(nets, LIKELIEST, [LABELS[data]])
    return [*([c] for c in single), [c for c in range(count) if c not in single]]


def softened(data: str, role: Role, t: float) -> Tensor:
    """Softmax of the logits at temperature ``t``, C, in double precision."""
    import torch

    return torch.softmax(torch.tensor(LOGITS[data][role], dtype=torch.float64) / t, dim=0)


def entropy(role: Role, t: float = 4.0) -> float:
    """Entropy of a role's softened probabilities of the digits, in nats."""
    import torch

    return float(torch.special.entr(softened("digits", role, t)).sum())
