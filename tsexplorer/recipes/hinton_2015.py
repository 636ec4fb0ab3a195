"""Hinton, Vinyals and Dean 2015, arXiv 1503.02531, section 3: distillation on MNIST.

The paper gives nets, T, dropout, that weights are bound and images moved by up to two pixels, and
the errors on 10,000 test images; neither epochs, rates and batch nor the bound. Those are this
project's: Adam in one cycle, in as many epochs as two cores can be asked for.
"""

from __future__ import annotations

from tsexplorer.recipes.base import Biased, Recipe
from tsexplorer.specs import (
    DataSpec,
    ExperimentSpec,
    FurtherTeacher,
    ModelSpec,
    NetConfig,
    ObjectiveSpec,
    Role,
    TrainSpec,
)

SOURCE = "Hinton, Vinyals, Dean 2015, arXiv 1503.02531, section 3"
IMAGES = 10_000
"""Test images of the paper."""

LAMBDA = 0.1
"""The paper: "a considerably lower weight" on the labels."""

LARGE = ModelSpec(name="custom", net=NetConfig(dense=(1200, 1200), dropout=0.5))
"""The net of the preset hinton-teacher without its dropout of pixels: with it, on moved images, 60
epochs are not enough (seed 0, validation loss 0.0272, 41 of 5,000 wrong).

After 100 epochs, seed 0, half of the hidden units dropped and a bound of 2 leave a loss of 0.0207
on validation, a quarter and 4 one of 0.0210; but these fit the training images (0.011 there, 0.031
the former), so that they say little of other classes there: a student taught by them for 12 epochs
has a loss of 0.0447, one taught by the former 0.0311. All on validation.
"""
TEACHER = TrainSpec(
    epochs=200,
    batch_size=128,
    learning_rate=1e-3,
    schedule="one-cycle",
    jitter=2,
    max_norm=2.0,
)
"""Seeds 0 to 2 have a loss of 0.0176, 0.0193 and 0.0176 on validation; after 100 epochs 0.0207,
0.0218 and 0.0211."""
PLAIN = TrainSpec(epochs=40, batch_size=128, learning_rate=1e-3, schedule="one-cycle")
TAUGHT = PLAIN.model_copy(update={"learning_rate": 3e-3})
"""Each student has the rate that is better for it on validation, of 0.001 and 0.003: the baseline
98.54 and 98.40 percent there after 40 epochs, the distilled one 99.00 and 99.14 after 12, under a
teacher of 40 epochs. More than 40 are no better for it: under a teacher of 100 its loss is 0.029
then, and 0.030 after 100."""
EPOCHS_UNSAID = (
    "The source gives neither epochs nor rates nor the bound on the weights; they are this "
    "project's, as is Adam. Baseline and distilled student have the rate each is better with on "
    "validation."
)
VALIDATION_KEPT = "The source trains on all 60,000 images; here 5,000 of them are for validation."
LESS_DROPOUT = (
    "The source refers to a paper that drops half of the hidden units and a fifth of the pixels; "
    "here half of the hidden units alone, chosen on validation, as images are moved anyway."
)
NO_JITTER = (
    "As in the source, only the teacher sees moved images; the student learns of them from its "
    "soft targets."
)

PAPER = ExperimentSpec(
    name="hinton-2015",
    data=DataSpec(name="mnist"),
    teacher=LARGE,
    student=ModelSpec(name="hinton-student"),
    objective=ObjectiveSpec(name="hinton", temperature=20.0, lam=LAMBDA),
    teacher_train=TEACHER,
    baseline_train=PLAIN,
    distilled_train=TAUGHT,
)
NO_3 = PAPER.model_copy(update={"name": "hinton-no-3", "left_out": (3,)})
ONLY_7_8 = PAPER.model_copy(
    update={
        "name": "hinton-7-8",
        "left_out": (0, 1, 2, 3, 4, 5, 6, 9),
    }
)
NARROW = PAPER.model_copy(
    update={
        "name": "hinton-narrow",
        "student": ModelSpec(name="hinton-narrow"),
        "objective": ObjectiveSpec(name="hinton", temperature=3.0, lam=LAMBDA),
    }
)
SECOND = ModelSpec(name="custom", net=NetConfig(conv=(32, 64, 64), dense=(), batch_norm=True))
"""wu-cnn with batch norm. Wrong of 5,000 on validation, seed 0: wu-cnn 25, this 24, the mean of
both 20; the mean of two wu-cnn, of 20 epochs, 23."""
BEST = PAPER.model_copy(
    update={
        "name": "mlp-800-best",
        "teacher": ModelSpec(name="wu-cnn"),
        "objective": ObjectiveSpec(name="hinton", temperature=4.0, lam=0.0),
        "teacher_train": TrainSpec(
            epochs=12, batch_size=64, learning_rate=3e-3, schedule="one-cycle", jitter=2
        ),
        "distilled_train": TrainSpec(
            epochs=100, batch_size=128, learning_rate=1e-3, schedule="one-cycle", jitter=2
        ),
        "more_teachers": (FurtherTeacher(model=SECOND),),
    }
)


def _accuracy(errors: int) -> float:
    """Test accuracy in percent of so many errors on the paper's test images.

    >>> _accuracy(74)
    99.26
    """
    return round(100 * (1 - errors / IMAGES), 2)


ERRORS: dict[Role, int] = {"teacher": 67, "baseline": 146}
"""Of the nets that all but the narrow one share."""
PUBLISHED: dict[Role, float] = {role: _accuracy(errors) for role, errors in ERRORS.items()}


RECIPE = (
    Recipe(
        name="hinton-2015",
        title="Hinton 2015: two layers of 800 units under two of 1200",
        summary="A large regularised net teaches a smaller one that has no regularisation at all, "
        "at T = 20: errors on test fall from 146 to 74, and the teacher has 67.",
        source=SOURCE,
        section="published",
        spec=PAPER,
        published=PUBLISHED | {"distilled": _accuracy(74)},
        published_errors=ERRORS | {"distilled": 74},
        caveats=(
            EPOCHS_UNSAID,
            LESS_DROPOUT,
            NO_JITTER,
            VALIDATION_KEPT,
            "The source says that labels weigh considerably less than soft targets, and not how "
            "much; here λ = 0.1.",
        ),
    ),
    Recipe(
        name="hinton-no-3",
        title="Hinton 2015: a student that never sees a three",
        summary="The transfer set has no threes. As trained, the student makes 206 errors, 133 of "
        "them on the 1,010 threes; with the bias of that class raised by 3.5 it makes 109, 14 of "
        "them on threes: 98.6 % of the threes are right.",
        source=SOURCE,
        section="published",
        spec=NO_3,
        published=PUBLISHED | {"distilled": _accuracy(206)},
        published_errors=ERRORS | {"distilled": 206},
        published_biased=Biased(bias=3.5, errors=1.09, never_seen_right=98.6),
        caveats=(
            "The source chose the bias on test; the page Never seen has a rule without labels "
            "beside it.",
            EPOCHS_UNSAID,
            VALIDATION_KEPT,
        ),
    ),
    Recipe(
        name="hinton-7-8",
        title="Hinton 2015: a student that sees sevens and eights alone",
        summary="The transfer set is sevens and eights. As trained, the student is wrong on "
        "47.3 % of test; with the biases of 7 and 8 lowered by 7.6 on 13.2 %.",
        source=SOURCE,
        section="published",
        spec=ONLY_7_8,
        published=PUBLISHED | {"distilled": 52.7},
        published_errors=ERRORS,
        published_biased=Biased(bias=7.6, errors=13.2, never_seen_right=None),
        caveats=(
            "Lowering two biases is the same as raising the eight others, which is what the page "
            "Never seen does.",
            "The source chose the bias on test.",
            EPOCHS_UNSAID,
            VALIDATION_KEPT,
        ),
    ),
    Recipe(
        name="hinton-narrow",
        title="Hinton 2015: a student of two layers of 30 units",
        summary="So narrow a student cannot follow all that the teacher says: T from 2.5 to 4 "
        "works better than higher or lower ones. Here T = 3; the page T × λ map has all.",
        source=SOURCE,
        section="published",
        spec=NARROW,
        caveats=(
            "The source gives no figure for it, only which T were best.",
            "Rates are those that suit the wide student; the baseline may come further with a "
            "higher one.",
            EPOCHS_UNSAID,
            VALIDATION_KEPT,
        ),
    ),
    Recipe(
        name="mlp-800-best",
        title="Hinton's student at its best",
        summary="The same 784-800-800-10 student under two convolutional teachers, each a "
        "twentieth of its size, that see the images as the student does, each moved by up to two "
        "pixels: fewer errors than the paper's teacher has.",
        source="this project, with the student of " + SOURCE,
        spec=BEST,
        caveats=(
            "Its teachers have convolutions and its transfer set moved images: better than the "
            "paper's at the same student, not at the same task.",
            "The baseline learns from labels and images as they are, as in the paper.",
        ),
    ),
)
