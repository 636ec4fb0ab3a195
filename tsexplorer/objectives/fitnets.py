"""FitNets: a hint from inside the teacher first, then labels and soft targets.

Source: Romero, Ballas, Ebrahimi Kahou, Chassang, Gatta and Bengio 2015, "FitNets: Hints for Thin
Deep Nets", arXiv 1412.6550, equations 2 and 3. It is trained in two stages, of as many epochs where
nothing else is asked for:

    1.  ½ · ‖u − r(v)‖²               u: the teacher's hint layer, v: the student's guided layer,
                                      r: a regressor that is trained along and then dropped
    2.  CE + w(e) · CE_soft(T)        w falls in even steps, epoch by epoch, from its start to 1

The paper writes λ for w, which is not in 0...1 as λ is here. No T². The norm is over all units of
the layer and its mean over the batch, so that it is in the square of activations, not in nats. In
stage 1 the layers after the guided one keep their first weights: no gradient reaches them, and an
optimiser passes over them, weight decay and all; only a bound on the norms of weights, where there
is one, and running figures of batch norms reach them.

T = 3 and w = 4 are from the authors' file for MNIST. That w ends at 1 is from memory of the
paper's account of CIFAR-10, and unchecked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsexplorer.objectives.base import (
    LayerNames,
    Loss,
    Objective,
    Pair,
    Terms,
    cross_entropy,
    soft_cross_entropy,
    two_lines,
)
from tsexplorer.objectives.feature_layers import Hidden, check_regressor, chosen_layer, regressor
from tsexplorer.objectives.options import Option
from tsexplorer.planning import PretrainStage
from tsexplorer.specs import ObjectiveSpec

if TYPE_CHECKING:
    from torch import nn

SOURCE = "Romero et al. 2015, arXiv 1412.6550, equations 2 and 3"
HINTS = "fitnets-hints"
LAYERS = (
    Option(
        name="hint",
        title="Hint layer of the teacher",
        default="",
        help="The teacher's layer whose outputs the student learns to foretell. The usual choice "
        "is the middle activation; of several teachers, the first gives the hint.",
        layer_of="teacher",
    ),
    Option(
        name="guided",
        title="Guided layer of the student",
        default="",
        help="The student's layer that learns from the hint, with all layers before it. The usual "
        "choice is the middle activation.",
        layer_of="student",
    ),
)
START = Option(
    name="start",
    title="Weight of the soft targets at first",
    default=4.0,
    help="w of the first epoch after the hints (λ in the paper); it falls in even steps to 1 in "
    "the last epoch.",
    low=1.0,
    high=1000.0,
)
EPOCHS = Option(
    name="hint_epochs",
    title="Epochs of hints",
    default=0,
    help="How long the student learns from the hint before labels and soft targets; 0 is as many "
    "epochs as it has for these.",
    low=0,
    high=1000,
)


def layers(pair: Pair) -> tuple[Hidden, Hidden]:
    """The guided layer and the hint layer.

    Raises:
        UserError: one does not exist or cannot be used, or no regressor fits between them.
    """
    assert pair.teacher is not None
    guided = chosen_layer(pair.student, pair.classes, str(pair.options["guided"]), "student")
    hint = chosen_layer(pair.teacher, pair.classes, str(pair.options["hint"]), "teacher")
    check_regressor(guided, hint)
    return guided, hint


def weight(start: float, epoch: int, epochs: int) -> float:
    """The weight w in an epoch from 1: from ``start`` in the first to 1 in the last.

    >>> [weight(4.0, epoch, 4) for epoch in (1, 2, 3, 4)]
    [4.0, 3.0, 2.0, 1.0]
    """
    return start + (1 - start) * (epoch - 1) / max(epochs - 1, 1)


def hint_loss(batch: Loss) -> Terms:
    """Give ½·‖u − r(v)‖², summed over units, batch mean."""
    assert batch.extra is not None
    (v_s,), (u_t,) = batch.student_features.values(), batch.teacher_features.values()
    apart_BU = u_t.flatten(1) - batch.extra(v_s).flatten(1)
    hint = apart_BU.pow(2).sum(1).mean() / 2
    return Terms(hint, {"hint": hint})


def loss(batch: Loss) -> Terms:
    """Give CE + w(epoch)·CE_soft(T)."""
    labels = cross_entropy(batch.z_s_BC, batch.y_B)
    soft = soft_cross_entropy(batch.teacher_logits_BC, batch.z_s_BC, batch.temperature)
    share = weight(batch.number("start"), batch.epoch, batch.epochs)
    return Terms(labels + share * soft, {"labels": labels, "soft": soft})


def latex(temperature: str, _lam: str, _rest: str) -> str:
    """The second stage's formula with the given spelling of T."""
    return two_lines(
        r"\mathrm{CE}\big(y,\ \mathrm{softmax}(z_s)\big)",
        rf"w_e\cdot\mathrm{{CE}}\big(\mathrm{{softmax}}(z_t/{temperature}),\ "
        rf"\mathrm{{softmax}}(z_s/{temperature})\big)",
    )


def _checked(pair: Pair) -> LayerNames:
    """Nothing is looked at any more; the first stage's layers are checked."""
    layers(pair)
    return LayerNames()


def _looks(pair: Pair) -> LayerNames:
    guided, hint = layers(pair)
    return LayerNames((guided.name,), (hint.name,))


def _regressor(pair: Pair) -> nn.Module:
    guided, hint = layers(pair)
    return regressor(guided.shape, hint.shape)


def _first(spec: ObjectiveSpec) -> PretrainStage:
    """The hints of a spec; T and λ have no part in them."""
    names = {option.name for option in LAYERS}
    options = {name: value for name, value in spec.options.items() if name in names}
    hints = ObjectiveSpec(name=HINTS, temperature=1.0, lam=1.0, options=options)
    return PretrainStage(hints, int(spec.options.get(EPOCHS.name, EPOCHS.default)) or None)


OBJECTIVE = (
    Objective(
        name="fitnets",
        title="FitNets (Romero 2015)",
        summary="The student first learns to foretell a hidden layer of the teacher, the hint; "
        "then labels and soft targets, whose weight falls to 1.",
        source=SOURCE,
        convention="fitnets: after hints, CE + w·CE_soft(T) with w falling to 1, nats, batch mean",
        uses_temperature=True,
        uses_lambda=False,
        needs_teacher=True,
        loss=loss,
        latex=latex,
        options=(*LAYERS, START, EPOCHS),
        looks=_checked,
        first=_first,
        counts=(EPOCHS.name,),
    ),
    Objective(
        name=HINTS,
        title="Hints of FitNets",
        summary="The first part of FitNets: up to its guided layer the student learns to foretell "
        "the teacher's hint layer.",
        source=SOURCE,
        convention="hints: ½·‖u − r(v)‖², summed over units, batch mean",
        uses_temperature=False,
        uses_lambda=False,
        needs_teacher=True,
        loss=hint_loss,
        latex=lambda _t, _lam, _rest: r"L = \tfrac{1}{2}\,\big\|u_t - r(v_s)\big\|^2",
        options=LAYERS,
        looks=_looks,
        module=_regressor,
        unitless=("hint",),
        parent_objective="fitnets",
    ),
)
