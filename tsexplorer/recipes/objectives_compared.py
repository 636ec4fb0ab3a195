"""All objectives against each other: one pair of nets, one budget, five seeds.

The student is the thin convolutional one, so that attention maps and hints can be had. Born-again
nets stay out: their student has its teacher's architecture, which this pair has not.
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
    title="All objectives against each other",
    summary="One convolutional teacher, one student with a twelfth of its parameters, four epochs "
    "and five seeds for each objective: which are better than the labels alone, and which cannot "
    "be told apart?",
    source="this project; each objective names its own source",
    section="claims",
    spec=COMMON,
    caveats=(
        UNTUNED,
        "With more epochs, another pair or tuned options the order would be another; five seeds "
        "tell apart what differs by about a tenth of a point.",
        "FitNets has two epochs of hints and two of soft targets, MEAL V2 two of labels and two of "
        "its own; mutual learning trains a second net beside the student.",
        "Born-again nets need a student of their teacher's architecture and are not among them.",
        "Ten and more comparisons with one baseline: one in twenty that has no effect is expected "
        "to look as if it had.",
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
