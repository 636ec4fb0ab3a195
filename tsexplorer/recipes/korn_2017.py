"""johnkorn/distillation, 2017: EMNIST-letters with temperature and lambda."""

from __future__ import annotations

from tsexplorer.recipes.base import Recipe
from tsexplorer.specs import DataSpec, ExperimentSpec, ModelSpec, ObjectiveSpec, TrainSpec

KERAS = TrainSpec(
    epochs=50,
    batch_size=256,
    optimiser="adadelta",
    learning_rate=1.0,
    epsilon=1e-7,
    schedule="plateau",
    plateau_patience=1,
    early_stopping=3,
)

RECIPE = Recipe(
    name="korn-2017",
    title="Korn 2017: EMNIST letters with T and λ",
    summary="A convolutional teacher with 3.4 million parameters and a dense student of an eighth "
    "of its size, on 26 handwritten letters, with the additive loss at T = 10 and λ = 0.5.",
    source="johnkorn/distillation, 2017 (Keras), quoted by Wu 2020, section 3.2",
    section="published",
    spec=ExperimentSpec(
        name="korn-2017",
        data=DataSpec(name="emnist-letters"),
        teacher=ModelSpec(name="korn-cnn"),
        student=ModelSpec(name="korn-mlp"),
        objective=ObjectiveSpec(name="additive", temperature=10.0, lam=0.5),
        teacher_train=KERAS.model_copy(update={"epochs": 26}),
        baseline_train=KERAS,
        distilled_train=KERAS,
    ),
    published={"teacher": 94.4, "baseline": 91.6, "distilled": 92.2},
    caveats=(
        "The source used the test split to lower its learning rate and to stop early; here both "
        "use the validation split.",
        "The additive loss has no T²: its T = 10 is not the T = 10 of the hinton convention.",
    ),
)
