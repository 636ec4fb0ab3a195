"""The best 784-64-10 student of this project, and how much of it is due to distillation.

The recipes share their teachers. In ``best-64-plain`` both students see the original training
images: the teacher's soft targets reduce overfitting. In ``best-64-jitter`` both see images moved
by at most one pixel: the baseline does not overfit either. ``best-64`` compares the best student,
distilled on moved images, with the usual baseline, trained on labels and original images. The other
two recipes show how much of the gap is closed by jitter and how much by the teacher.

T, lambda and the number of epochs were chosen on validation (docs/results.md, "What the figures
show").
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
        summary="A 784-64-10 student of a 61,514-parameter convolutional teacher on full MNIST. "
        "It learns from soft targets alone, on images moved by at most one pixel. The baseline "
        "learns from labels, on the original images.",
        source="this project",
        spec=BEST,
        caveats=(
            "Only a part of the gap is closed by the teacher: a baseline on moved images is nearly "
            "as good (best-64-jitter).",
        ),
    ),
    Recipe(
        name="best-64-jitter",
        title="The same student and a baseline, both on jittered images",
        summary="As best-64, but the baseline also sees each image moved by at most one pixel. "
        "The difference that is left is what the teacher adds.",
        source="this project",
        spec=CONTROL,
    ),
    Recipe(
        name="best-64-plain",
        title="The same pair on the original images",
        summary="A 784-64-10 student learns from soft targets alone; its baseline is trained in "
        "the same way on labels. Neither sees moved images: the recipe shows how much the soft "
        "targets help against overfitting.",
        source="this project",
        spec=PLAIN,
    ),
    Recipe(
        name="best-64-no-3",
        title="The same pair, with a student that never sees a three",
        summary="The student of best-64-plain, distilled on images of the nine other digits: it "
        "learns about threes only from the teacher's soft targets. The student of seed 0 is part "
        "of the app and opens on the page Never seen.",
        source="this project, after Hinton, Vinyals, Dean 2015, arXiv 1503.02531, section 3",
        spec=NO_3,
    ),
)
