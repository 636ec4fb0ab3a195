"""The first recipe to run: three nets in about a minute, on the digits of the app."""

from __future__ import annotations

from tsexplorer.recipes.base import Recipe
from tsexplorer.specs import DataSpec, ExperimentSpec, ModelSpec, ObjectiveSpec, TrainSpec

STUDENT = TrainSpec(epochs=30, batch_size=64, learning_rate=3e-3, schedule="one-cycle")

RECIPE = Recipe(
    name="quick",
    title="Quick start on 5,000 digits",
    summary="A small convolutional teacher and a 50,890-parameter student, trained with and "
    "without the teacher, on the 5,000 digits of this app.",
    source="this project",
    section="begin",
    spec=ExperimentSpec(
        name="quick",
        data=DataSpec(name="mnist-5k"),
        teacher=ModelSpec(name="wu-cnn"),
        student=ModelSpec(name="mlp-64"),
        objective=ObjectiveSpec(name="hinton", temperature=4.0, lam=0.0),
        teacher_train=STUDENT.model_copy(update={"epochs": 20, "jitter": 2}),
        baseline_train=STUDENT,
        distilled_train=STUDENT,
    ),
)
