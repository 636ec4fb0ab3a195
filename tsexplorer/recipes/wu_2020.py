"""Bo Wu, "Teacher-Student Ensemble Net", 20 September 2020, section 3.1."""

from __future__ import annotations

from tsexplorer.recipes.base import Recipe
from tsexplorer.specs import DataSpec, ExperimentSpec, ModelSpec, ObjectiveSpec, TrainSpec

KERAS = TrainSpec(epochs=10, batch_size=64, optimiser="adam", learning_rate=1e-3, epsilon=1e-7)

RECIPE = Recipe(
    name="wu-2020",
    title="Wu 2020: vanilla teacher–student on MNIST",
    summary="A sigmoid student sees raw pixels from 0 to 255. It learns from labels first; then "
    "the teacher's plain softmax is its only target.",
    source="Bo Wu, Teacher-Student Ensemble Net, 20 September 2020, section 3.1 (Keras)",
    section="published",
    spec=ExperimentSpec(
        name="wu-2020",
        data=DataSpec(name="mnist", scaling="raw"),
        teacher=ModelSpec(name="wu-cnn"),
        student=ModelSpec(name="wu-mlp"),
        objective=ObjectiveSpec(name="vanilla", temperature=1.0, lam=0.0),
        teacher_train=KERAS.model_copy(update={"epochs": 2}),
        baseline_train=KERAS,
        distilled_train=KERAS.model_copy(update={"epochs": 5}),
        warm_start=True,
    ),
    published={"teacher": 98.28, "baseline": 92.30, "distilled": 92.70},
    caveats=(
        "The source trains on all 60,000 images; here 5,000 of them are the validation set.",
        "The source reports one run, without a seed.",
        "The source says that the distilled net has as many parameters as the teacher; in fact it "
        "has as many as the student.",
    ),
)
