"""Vanilla distillation: the teacher's softmax at T = 1 as the only target.

Source: Bo Wu, "Teacher-Student Ensemble Net", 20 September 2020, section 3.1. The student is first
trained on labels and then with this loss; experiments set ``warm_start`` for this. T is 1, and the
loss has no term for the labels.
"""

from __future__ import annotations

from tsexplorer.objectives.base import LossInputs, LossTerms, Objective, soft_cross_entropy


def loss(inputs: LossInputs) -> LossTerms:
    """CE(softmax(z_t), softmax(z_s)), batch mean, in nats."""
    soft = soft_cross_entropy(inputs.teacher_logits_BC, inputs.z_s_BC, 1.0)
    return LossTerms(soft, {"soft": soft})


OBJECTIVE = Objective(
    name="vanilla",
    title="Vanilla soft targets (Wu 2020)",
    summary="The teacher's softmax at T = 1 is the only target. The student should be trained on "
    "labels before.",
    source="Wu 2020, section 3.1",
    convention="vanilla: CE with the teacher's softmax at T = 1, nats, batch mean",
    uses_temperature=False,
    uses_lambda=False,
    needs_teacher=True,
    uses_unlabelled=True,
    expects_pretrained_student=True,
    loss=loss,
    latex=lambda _t, _lam, _soft: (
        r"L = \mathrm{CE}\big(\mathrm{softmax}(z_t),\ \mathrm{softmax}(z_s)\big)"
    ),
)
