"""The best that a 784-64-10 student was brought to here, and what distillation has to do with it.

Three recipes share their teachers. In ``best-64-plain`` both students see the training images as
they are: there the teacher's soft targets keep the student from overfitting. In
``best-64-jitter`` both see images moved by at most one pixel: there the baseline does not overfit
either. ``best-64`` sets the best student, distilled on moved images, beside the usual baseline,
labels and images as they are; the other two tell how much of its gap is whose.

T, lambda and the number of epochs were chosen on validation (README, "What the figures show").
"""

from __future__ import annotations

from tsexplorer.recipes.base import Recipe
from tsexplorer.specs import DataSpec, ExperimentSpec, ModelSpec, ObjectiveSpec, TrainSpec

TEACHER = TrainSpec(epochs=12, batch_size=64, learning_rate=3e-3, schedule="one-cycle", jitter=2)
STUDENT = TrainSpec(epochs=40, batch_size=64, learning_rate=3e-3, schedule="one-cycle")
JITTERED = STUDENT.model_copy(update={"epochs": 60, "jitter": 1})

PLAIN = ExperimentSpec(
    name="best-64-plain",
    data=DataSpec(name="mnist"),
    teacher=ModelSpec(name="wu-cnn"),
    student=ModelSpec(name="mlp-64"),
    objective=ObjectiveSpec(name="hinton", temperature=4.0, lam=0.0),
    teacher_train=TEACHER,
    baseline_train=STUDENT,
    distilled_train=STUDENT,
)
BEST = PLAIN.model_copy(
    update={
        "name": "best-64",
        "objective": ObjectiveSpec(name="hinton", temperature=2.0, lam=0.0),
        "distilled_train": JITTERED,
    }
)
CONTROL = BEST.model_copy(update={"name": "best-64-jitter", "baseline_train": JITTERED})
NO_3 = PLAIN.model_copy(update={"name": "best-64-no-3", "left_out": (3,)})

RECIPE = (
    Recipe(
        name="best-64",
        title="A 50,890-parameter student at its best",
        summary="A 784-64-10 student under a 61,514-parameter convolutional teacher on full "
        "MNIST, from soft targets alone, on images moved by at most one pixel. The baseline "
        "learns from labels and images as they are.",
        source="this project",
        spec=BEST,
        caveats=(
            "Its gap closed is not the teacher's alone: a baseline on moved images comes nearly as "
            "far (best-64-jitter).",
        ),
    ),
    Recipe(
        name="best-64-jitter",
        title="The same student and a baseline, both on jittered images",
        summary="As best-64, but the baseline, too, sees each image moved by at most one pixel: "
        "the test of what the teacher adds then.",
        source="this project",
        spec=CONTROL,
    ),
    Recipe(
        name="best-64-plain",
        title="The same pair on images as they are",
        summary="A 784-64-10 student from soft targets alone, and its baseline, trained alike and "
        "without jitter: what the teacher's soft targets do against overfitting.",
        source="this project",
        spec=PLAIN,
    ),
    Recipe(
        name="best-64-no-3",
        title="The same pair, and a student that never saw a three",
        summary="The student of best-64-plain, taught on images of the nine other digits: what it "
        "knows of threes it has from the teacher's soft targets. Its first seed ships, for the "
        "page Never seen.",
        source="this project, after Hinton, Vinyals, Dean 2015, arXiv 1503.02531, section 3",
        spec=NO_3,
    ),
)
