"""The settings with which a form begins on imported images.

They were chosen on the validation split of the example images, at 32×32 pixels: a teacher that
trains in about a minute on two cores, and a student of a fraction of its size.
"""

from __future__ import annotations

from tsexplorer.specs import (
    DataSpec,
    ExperimentSpec,
    ModelSpec,
    NetConfig,
    ObjectiveSpec,
    TrainSpec,
)

TEACHER = ModelSpec(
    name="custom",
    net=NetConfig(
        conv=(16, 32, 32, 64, 64), strides=(1, 2, 1, 2, 2), batch_norm=True, head="average"
    ),
)
STUDENT = ModelSpec(name="custom", net=NetConfig(conv=(8, 16, 32), batch_norm=True, head="average"))
TEACHER_TRAIN = TrainSpec(
    epochs=10, batch_size=32, learning_rate=5e-3, schedule="one-cycle", jitter=2
)
STUDENT_TRAIN = TrainSpec(
    epochs=15, batch_size=32, learning_rate=1e-2, schedule="one-cycle", jitter=2
)


def default_experiment(dataset: str) -> ExperimentSpec:
    """The settings for a dataset of any shape."""
    return ExperimentSpec(
        name="own images",
        data=DataSpec(name=dataset, scaling="standard"),
        teacher=TEACHER,
        student=STUDENT,
        objective=ObjectiveSpec(name="hinton", temperature=4.0, lam=0.0),
        teacher_train=TEACHER_TRAIN,
        baseline_train=STUDENT_TRAIN,
        distilled_train=STUDENT_TRAIN,
    )
