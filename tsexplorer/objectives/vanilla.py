"""Vanilla soft targets: the teacher's plain softmax as target, no labels.

Source: Bo Wu, "Teacher-Student Ensemble Net", 20 September 2020, section 3.1. There the student
is first trained on labels and then trained on with this loss; an experiment says so with
``warm_start``. T is fixed at 1 and there is no hard term.
"""

from __future__ import annotations

from tsexplorer.objectives.base import Loss, Objective, Terms, soft_cross_entropy


def loss(batch: Loss) -> Terms:
    """CE(softmax(z_t), softmax(z_s))."""
    soft = soft_cross_entropy(batch.teacher_logits_BC, batch.z_s_BC, 1.0)
    return Terms(soft, {"soft": soft})


OBJECTIVE = Objective(
    name="vanilla",
    title="Vanilla soft targets (Wu 2020)",
    summary="The teacher's softmax at T = 1 is the only target; meant for a student that has "
    "already learnt from labels.",
    source="Wu 2020, section 3.1",
    convention="vanilla: CE with the teacher's softmax at T = 1, nats, batch mean",
    uses_temperature=False,
    uses_lambda=False,
    needs_teacher=True,
    pretrained=True,
    loss=loss,
    latex=lambda _t, _lam, _rest: (
        r"L = \mathrm{CE}\big(\mathrm{softmax}(z_t),\ \mathrm{softmax}(z_s)\big)"
    ),
)
