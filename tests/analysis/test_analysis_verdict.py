from __future__ import annotations

import math

import numpy as np
import pytest

from tsexplorer.analysis.prediction import Verdict, agreed, judge, least_confidence, verdict

Z_C = np.array([0.0, math.log(2.0), math.log(5.0)])


def test_what_logits_say_at_both_temperatures() -> None:
    said = verdict(Z_C, 2.0)
    assert said.answer == 2
    assert said.confidence == pytest.approx(5 / 8)
    assert said.probabilities_C == pytest.approx([1 / 8, 2 / 8, 5 / 8])
    roots = np.sqrt([1.0, 2.0, 5.0])
    assert said.soft_targets_C == pytest.approx(roots / roots.sum())
    assert said.entropy == pytest.approx(
        -(1 / 8 * math.log(1 / 8) + 1 / 4 * math.log(1 / 4) + 5 / 8 * math.log(5 / 8))
    )


def test_a_net_that_is_sure_beyond_floating_point() -> None:
    said = verdict(np.array([0.0, 2000.0]), 1.0)
    assert (said.answer, said.confidence, said.entropy) == (1, 1.0, 0.0)


def of(*answers: int) -> dict[str, Verdict]:
    roles = ("teacher", "baseline", "distilled")
    return {role: verdict(np.eye(3)[one], 1.0) for role, one in zip(roles, answers, strict=False)}


def test_nets_agree_when_all_answer_the_same() -> None:
    assert agreed(of(1, 1, 1))  # type: ignore[arg-type]
    assert not agreed(of(1, 1, 2))  # type: ignore[arg-type]


def test_the_teacher_judges_where_there_is_one() -> None:
    three = of(0, 1, 2)
    assert judge(three) == "teacher"  # type: ignore[arg-type]
    del three["teacher"]
    assert judge(three) == "baseline"  # type: ignore[arg-type]


def test_least_confidence_leaves_one_in_a_hundred_below() -> None:
    shares_N = np.linspace(0.5, 0.99, 201)
    z_NC = np.log(np.stack([shares_N, 1 - shares_N], 1))
    assert least_confidence(z_NC) == pytest.approx(np.quantile(shares_N, 0.01))
    assert (shares_N < least_confidence(z_NC)).sum() == 2
