"""Comparison of all objectives: one teacher, one student, one budget, five seeds.

The student is the thin convolutional net, because attention transfer needs feature maps. Born-again
nets are not compared because they require a student with the teacher's architecture.
"""

from __future__ import annotations

from tsexplorer.recipes.base import Recipe, make_rival
from tsexplorer.recipes.fitnets import HALF, HINTS
from tsexplorer.recipes.shared import (
    SEEDS,
    THIN_TRAIN,
    UNTUNED,
    plain_objective,
    tempered_objective,
)

NAME = "objectives-compared"
COMMON = HINTS.model_copy(
    update={"name": NAME, "distilled_train": THIN_TRAIN, "objective": tempered_objective("hinton")}
)
OTHERS = {
    "Additive": tempered_objective("additive"),
    "Attention transfer": plain_objective("attention"),
    "Decoupled KD": tempered_objective("dkd"),
    "DIST": tempered_objective("dist"),
    "Label smoothing": plain_objective("label-smoothing"),
    "Logit standardisation": tempered_objective("logit-standard"),
    "Mutual learning": plain_objective("mutual"),
    "Relational KD": plain_objective("relational"),
    "Soft targets alone (T = 1)": plain_objective("vanilla"),
}

RECIPE = Recipe(
    name=NAME,
    title="All objectives compared",
    summary="One convolutional teacher, one student with a twelfth of its parameters, four epochs "
    "and five seeds for each objective: which objectives are better than labels alone, and which "
    "differences are significant?",
    source="this project; the sources of the objectives are listed with them",
    section="claims",
    spec=COMMON,
    caveats=(
        UNTUNED,
        "With more epochs, other nets or tuned options the order may differ; with five seeds, "
        "differences of about a tenth of a point are significant.",
        "FitNets has two epochs of hints and two of soft targets, MEAL V2 two of labels and two of "
        "its own loss; mutual learning trains a second net together with the student.",
        "Born-again nets need a student with the teacher's architecture and are not compared.",
        "With more than ten comparisons with one baseline, one in twenty without an effect is "
        "expected to appear significant.",
    ),
    own_title="Hinton 2015",
    rivals=(
        *(
            make_rival(NAME, title, COMMON, objective=objective)
            for title, objective in OTHERS.items()
        ),
        make_rival(NAME, "FitNets", COMMON, objective=HINTS.objective, distilled_train=HALF),
        make_rival(
            NAME,
            "MEAL V2",
            COMMON,
            objective=plain_objective("meal-v2"),
            warm_start=True,
            baseline_train=HALF,
            distilled_train=HALF,
        ),
    ),
    seeds=SEEDS,
)
