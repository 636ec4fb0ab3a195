"""All objectives compared: one pair of nets, one budget, five seeds.

The student is the thin convolutional net, because attention maps and hints need convolutions.
Born-again nets are left out: their student has the architecture of its teacher, and this pair has
two architectures.
"""

from __future__ import annotations

from tsexplorer.recipes.base import Recipe, rival
from tsexplorer.recipes.fitnets import HALF, HINTS
from tsexplorer.recipes.short import SEEDS, THIN_TRAIN, UNTUNED, blended, plain

NAME = "objectives-compared"
COMMON = HINTS.model_copy(
    update={"name": NAME, "distilled_train": THIN_TRAIN, "objective": blended("hinton")}
)
OTHERS = {
    "Additive": blended("additive"),
    "Attention transfer": plain("attention"),
    "Decoupled KD": blended("dkd"),
    "DIST": blended("dist"),
    "Label smoothing": plain("label-smoothing"),
    "Logit standardisation": blended("logit-standard"),
    "Mutual learning": plain("mutual"),
    "Relational KD": plain("relational"),
    "Soft targets alone (T = 1)": plain("vanilla"),
}

RECIPE = Recipe(
    name=NAME,
    title="All objectives compared",
    summary="One convolutional teacher, one student with a twelfth of its parameters, four epochs "
    "and five seeds for each objective. Which objectives are better than labels alone, and which "
    "cannot be told apart?",
    source="this project; each objective names its own source",
    section="claims",
    spec=COMMON,
    caveats=(
        UNTUNED,
        "With more epochs, another pair of nets or tuned options the order may change; five seeds "
        "can tell apart differences of about a tenth of a point or more.",
        "FitNets trains two epochs of hints and two of soft targets, MEAL V2 two epochs of labels "
        "and two of its own loss; mutual learning trains a second net beside the student.",
        "Born-again nets are left out: they need a student of the teacher's architecture.",
        "Twelve objectives are compared with one baseline: about one in twenty objectives without "
        "any effect is expected to look as if it had one.",
    ),
    called="Hinton 2015",
    rivals=(
        *(rival(NAME, title, COMMON, objective=one) for title, one in OTHERS.items()),
        rival(NAME, "FitNets", COMMON, objective=HINTS.objective, distilled_train=HALF),
        rival(
            NAME,
            "MEAL V2",
            COMMON,
            objective=plain("meal-v2"),
            warm_start=True,
            baseline_train=HALF,
            distilled_train=HALF,
        ),
    ),
    seeds=SEEDS,
)
