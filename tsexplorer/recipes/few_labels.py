"""Few labels: how far soft targets replace them, from 1 % to 100 % of MNIST's training labels.

The teacher has all labels. Baseline and student get the same share of them; the student is also
taught on the images without a label, by the teacher's soft targets. Source of the question: Hinton,
Vinyals and Dean 2015, arXiv 1503.02531, section 5, where soft targets from 3 % of the data recover
most of what all of it gives.
"""

from __future__ import annotations

from tsexplorer.recipes.base import Recipe, make_rival
from tsexplorer.recipes.shared import DATA, DENSE, DENSE_TRAIN, SEEDS, TEACHER, TEACHER_TRAIN
from tsexplorer.specs import ExperimentSpec, ObjectiveSpec

NAME = "few-labels"
SHARES = {"1 %": 0.01, "3 %": 0.03, "10 %": 0.1, "100 %": 1.0}
FIRST, *OTHERS = SHARES
BASE = ExperimentSpec(
    name=NAME,
    data=DATA,
    teacher=TEACHER,
    student=DENSE,
    objective=ObjectiveSpec(name="hinton", temperature=4.0, lam=0.0),
    teacher_train=TEACHER_TRAIN,
    baseline_train=DENSE_TRAIN,
    distilled_train=DENSE_TRAIN,
    label_share=SHARES[FIRST],
)

RECIPE = Recipe(
    name=NAME,
    title="Few labels",
    summary="The baseline gets 1 %, 3 %, 10 % or all of MNIST's training labels. The student gets "
    "no label at all (λ = 0), but the teacher's soft targets on all images. Soft targets are worth "
    "most where labels are few.",
    source="this project, after Hinton, Vinyals, Dean 2015, arXiv 1503.02531, section 5",
    section="claims",
    spec=BASE,
    caveats=(
        "The teacher has all labels: the recipe shows how its knowledge reaches a student, not "
        "learning from few labels alone.",
        "The baseline has as many epochs as the student, over fewer images: with 1 % of the labels "
        "it takes a hundredth of the steps.",
        "With λ = 0 the student is the same net for all shares.",
    ),
    own_title=FIRST,
    rivals=tuple(make_rival(NAME, title, BASE, label_share=SHARES[title]) for title in OTHERS),
    seeds=SEEDS,
)
