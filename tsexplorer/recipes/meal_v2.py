"""MEAL V2 (Shen and Savvides 2020), on MNIST: three teachers, one student, with a discriminator.

The source trains on ImageNet, so it has no figure for these nets. The recipe tests two claims of
the source: a student of the mean of several teachers is better than a student of one of them, and
a discriminator on the logits helps.
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
    title="MEAL V2: three teachers and a discriminator",
    summary="A 50,890-parameter student is first trained on labels, then on the mean softmax of "
    "three convolutional teachers, with a discriminator on the logits. For comparison: the same "
    "without a discriminator, and under each teacher alone.",
    source="Shen, Savvides 2020, arXiv 2009.08453, and its authors' code",
    section="claims",
    spec=ENSEMBLE,
    caveats=(
        "The source uses ImageNet and other nets and has no figure for MNIST; this recipe tests "
        "its claims, not its figures.",
        "The source uses SGD with momentum and learning rates from 0.01; here all students use "
        "Adam with a one-cycle schedule.",
        "The best single teacher is the one whose student has the highest validation accuracy.",
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
