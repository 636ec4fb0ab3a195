"""A student that never sees one class, small enough to train in about a minute."""

from __future__ import annotations

from tsexplorer.recipes.base import Recipe
from tsexplorer.recipes.quick import RECIPE as QUICK
from tsexplorer.specs import ModelSpec, NetConfig, ObjectiveSpec, TrainSpec

TRAIN = TrainSpec(epochs=20, batch_size=64, learning_rate=3e-3, schedule="one-cycle", jitter=1)

RECIPE = Recipe(
    name="never-seen-quick",
    title="Never seen: a student without threes",
    summary="A dense student is distilled on images of the nine other digits, so it learns about "
    "threes only from the teacher's soft targets: the experiment of Hinton 2015 in about a minute.",
    source="this project, after Hinton, Vinyals, Dean 2015, arXiv 1503.02531, section 3",
    section="begin",
    spec=QUICK.spec.model_copy(
        update={
            "name": "never-seen-quick",
            "student": ModelSpec(name="custom", net=NetConfig(dense=(128,))),
            "objective": ObjectiveSpec(name="hinton", temperature=20.0, lam=0.0),
            "baseline_train": TRAIN,
            "distilled_train": TRAIN,
            "left_out": (3,),
        }
    ),
    caveats=(
        "The nets are smaller than those of the paper, and the teacher has convolutions; the "
        "recipe hinton-no-3 has the nets of the paper.",
        "Only 50 of the 500 test images are threes: one image is two percent of them.",
    ),
)
