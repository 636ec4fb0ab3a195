"""What a net says to one image, as a person wants to hear it.

Shape suffix: C classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tsexplorer.analysis.soft_targets import Floats, Logits, entropy, log_soft_targets
from tsexplorer.specs import ROLES, Role

RARE = 0.01
"""Share of validation images on which a net may be less sure than what still counts as usual."""


@dataclass(frozen=True, eq=False)
class Verdict:
    """One net's answer to one image.

    Attributes:
        answer: class with the largest logit.
        confidence: its probability at T = 1.
        probabilities_C: softmax at T = 1.
        soft_targets_C: softmax at the experiment's T.
        entropy: of ``probabilities_C``, in nats.
    """

    answer: int
    confidence: float
    probabilities_C: Floats
    soft_targets_C: Floats
    entropy: float


def verdict(z_C: Logits, temperature: float) -> Verdict:
    """What the logits of one image say.

    >>> said = verdict(np.log(np.array([1.0, 3.0])), 2.0)
    >>> said.answer, round(said.confidence, 6), round(said.entropy, 6)
    (1, 0.75, 0.562335)

    Raises:
        ValueError: T is not a positive number.
    """
    log_p_C = log_soft_targets(z_C, 1.0)
    answer = int(np.argmax(log_p_C))
    return Verdict(
        answer=answer,
        confidence=float(np.exp(log_p_C[answer])),
        probabilities_C=np.exp(log_p_C),
        soft_targets_C=np.exp(log_soft_targets(z_C, temperature)),
        entropy=float(entropy(log_p_C)),
    )


def agreed(verdicts: Mapping[Role, Verdict]) -> bool:
    """Whether all nets give the same answer."""
    return len({one.answer for one in verdicts.values()}) == 1


def least_confidence(z_NC: Logits) -> float:
    """The confidence at T = 1 that all but one in a hundred of some images' answers exceed."""
    return float(np.quantile(np.exp(log_soft_targets(z_NC, 1.0)).max(-1), RARE))


def judge(verdicts: Mapping[Role, Verdict]) -> Role:
    """Whose confidence tells whether an image is like the data: the teacher's if it is there."""
    return next(role for role in ROLES if role in verdicts)
