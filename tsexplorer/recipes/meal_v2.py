"""MEAL V2 (Shen and Savvides 2020), on MNIST: three teachers, one student, a discriminator or not.

The source trains on ImageNet, so that it has no figure for these nets. What is tested is what it
claims: that a student under the mean of several teachers does better than under one of them, and
that a discriminator on the logits helps.
"""

from __future__ import annotations

from tsexplorer.recipes.base import Recipe, rival
from tsexplorer.recipes.short import DATA, DENSE, DENSE_TRAIN, TEACHER, TEACHER_TRAIN, plain
from tsexplorer.specs import ExperimentSpec, FurtherTeacher, ModelSpec, NetConfig

NAME = "meal-v2"
LENET = ModelSpec(name="lenet-5")
THIRD = ModelSpec(name="custom", net=NetConfig(conv=(16, 32), dense=(64,), batch_norm=True))

ENSEMBLE = ExperimentSpec(
    name=NAME,
    data=DATA,
    teacher=TEACHER,
    more_teachers=(FurtherTeacher(model=LENET), FurtherTeacher(model=THIRD)),
    combine="probabilities",
    student=DENSE,
    objective=plain(NAME),
    teacher_train=TEACHER_TRAIN,
    baseline_train=DENSE_TRAIN,
    distilled_train=DENSE_TRAIN,
    warm_start=True,
)
OFF = plain(NAME, discriminator="off")
MEMBERS = {
    "Wu's net alone": TEACHER,
    "LeNet-5 alone": LENET,
    "third net alone": THIRD,
}

RECIPE = Recipe(
    name=NAME,
    title="MEAL V2: three teachers, and a discriminator",
    summary="A 50,890-parameter student that has learnt from labels goes on from the mean of three "
    "convolutional teachers' softmaxes, with a discriminator on the logits; beside it the same "
    "without one, and under each teacher alone.",
    source="Shen, Savvides 2020, arXiv 2009.08453, and its authors' code",
    section="claims",
    spec=ENSEMBLE,
    caveats=(
        "The source has ImageNet and other nets, and no figure for MNIST; what it claims is tested "
        "here, not its figures.",
        "The source trains by SGD with momentum at rates from 0.01; here all students are trained "
        "alike, by Adam in one cycle.",
        "The best single teacher is chosen by its student's validation accuracy.",
    ),
    called="discriminator cooperative",
    rivals=(
        rival(NAME, "no discriminator", ENSEMBLE, objective=OFF),
        rival(
            NAME,
            "discriminator adversarial",
            ENSEMBLE,
            objective=plain(NAME, discriminator="adversarial"),
        ),
        *(
            rival(NAME, title, ENSEMBLE, teacher=net, more_teachers=(), objective=OFF)
            for title, net in MEMBERS.items()
        ),
    ),
    against=tuple(MEMBERS),
)
