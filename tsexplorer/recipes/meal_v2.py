"""MEAL V2 (Shen and Savvides 2020) on MNIST: three teachers, with and without a discriminator.

The source trains on ImageNet, so that it has no results for these nets. The recipe tests its
claims: that a student of the mean of several teachers is better than a student of one of them, and
that a discriminator on the logits improves the student.
"""

from __future__ import annotations

from tsexplorer.recipes.base import Recipe, make_rival
from tsexplorer.recipes.shared import (
    DATA,
    DENSE,
    DENSE_TRAIN,
    TEACHER,
    TEACHER_TRAIN,
    plain_objective,
)
from tsexplorer.specs import ExperimentSpec, FurtherTeacher, ModelSpec, NetConfig

NAME = "meal-v2"
LENET = ModelSpec(name="lenet-5")
THIRD_TEACHER = ModelSpec(name="custom", net=NetConfig(conv=(16, 32), dense=(64,), batch_norm=True))

ENSEMBLE = ExperimentSpec(
    name=NAME,
    data=DATA,
    teacher=TEACHER,
    more_teachers=(FurtherTeacher(model=LENET), FurtherTeacher(model=THIRD_TEACHER)),
    combine="probabilities",
    student=DENSE,
    objective=plain_objective(NAME),
    teacher_train=TEACHER_TRAIN,
    baseline_train=DENSE_TRAIN,
    distilled_train=DENSE_TRAIN,
    warm_start=True,
)
WITHOUT_DISCRIMINATOR = plain_objective(NAME, discriminator="off")
SINGLE_TEACHERS = {
    "Wu's net alone": TEACHER,
    "LeNet-5 alone": LENET,
    "third net alone": THIRD_TEACHER,
}

RECIPE = Recipe(
    name=NAME,
    title="MEAL V2: three teachers and a discriminator",
    summary="A student with 50,890 parameters, first trained on labels, then on the mean softmax "
    "of three convolutional teachers, with a discriminator on the logits. The rivals have another "
    "discriminator, none, or a single teacher.",
    source="Shen, Savvides 2020, arXiv 2009.08453, and its authors' code",
    section="claims",
    spec=ENSEMBLE,
    caveats=(
        "The source uses ImageNet and other nets, and has no results for MNIST; this recipe tests "
        "its claims, not its results.",
        "The source trains by SGD with momentum and an initial learning rate of 0.01; here all "
        "students are trained by Adam with a one-cycle schedule.",
        "The best single teacher is selected by its student's validation accuracy.",
    ),
    own_title="discriminator cooperative",
    rivals=(
        make_rival(NAME, "no discriminator", ENSEMBLE, objective=WITHOUT_DISCRIMINATOR),
        make_rival(
            NAME,
            "discriminator adversarial",
            ENSEMBLE,
            objective=plain_objective(NAME, discriminator="adversarial"),
        ),
        *(
            make_rival(
                NAME,
                title,
                ENSEMBLE,
                teacher=teacher,
                more_teachers=(),
                objective=WITHOUT_DISCRIMINATOR,
            )
            for title, teacher in SINGLE_TEACHERS.items()
        ),
    ),
    reference_titles=tuple(SINGLE_TEACHERS),
)
