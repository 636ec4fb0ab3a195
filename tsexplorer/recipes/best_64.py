"""The best that a 784-64-10 student was brought to here, and what distillation has to do with it.

Two recipes share their teachers. In ``best-64`` the student sees the training images as they are:
there the teacher's soft targets keep it from overfitting. In ``best-64-jitter`` baseline and
distilled student both see images moved by at most one pixel: there the baseline does not overfit
either, and the comparison tells how much of the gain only looked like the teacher's.

T, lambda and the number of epochs were chosen on validation (README, "What the figures show").
"""

from __future__ import annotations

from tsexplorer.recipes.base import Recipe
from tsexplorer.specs import DataSpec, ExperimentSpec, ModelSpec, ObjectiveSpec, TrainSpec

TEACHER = TrainSpec(epochs=12, batch_size=64, learning_rate=3e-3, schedule="one-cycle", jitter=2)
STUDENT = TrainSpec(epochs=40, batch_size=64, learning_rate=3e-3, schedule="one-cycle")
JITTERED = STUDENT.model_copy(update={"epochs": 60, "jitter": 1})

SPEC = ExperimentSpec(
    name="best-64",
    data=DataSpec(name="mnist"),
    teacher=ModelSpec(name="wu-cnn"),
    student=ModelSpec(name="mlp-64"),
    objective=ObjectiveSpec(name="hinton", temperature=4.0, lam=0.0),
    teacher_train=TEACHER,
    baseline_train=STUDENT,
    distilled_train=STUDENT,
)

RECIPE = (
    Recipe(
        name="best-64",
        title="A 50,890-parameter student, distilled",
        summary="A 784-64-10 student under a 61,514-parameter convolutional teacher on full "
        "MNIST, from soft targets alone. Baseline and distilled student train alike.",
        source="this project",
        spec=SPEC,
    ),
    Recipe(
        name="best-64-jitter",
        title="The same student on jittered images",
        summary="As best-64, but baseline and distilled student both see each image moved by at "
        "most one pixel: the student at its best, and the test of what the teacher adds then.",
        source="this project",
        spec=SPEC.model_copy(
            update={
                "name": "best-64-jitter",
                "objective": ObjectiveSpec(name="hinton", temperature=2.0, lam=0.0),
                "baseline_train": JITTERED,
                "distilled_train": JITTERED,
            }
        ),
    ),
)
