"""FitNets: hints from a hidden layer of the teacher, then labels and soft targets.

Source: Romero, Ballas, Ebrahimi Kahou, Chassang, Gatta and Bengio 2015, "FitNets: Hints for Thin
Deep Nets", arXiv 1412.6550, equations 2 and 3. Training has two stages, by default with the same
number of epochs:

    1.  ½ · ‖u − r(v)‖²               u: output of the teacher's hint layer, v: output of the
                                      student's guided layer, r: a regressor that is trained
                                      together with the student and then discarded
    2.  CE + w(e) · CE_soft(T)        w decreases linearly with the epoch e from its start to 1

The paper writes λ for w, which is not in the range 0 to 1 of λ here. The loss has no factor T². The
norm is a sum over all units of the layer, and the loss is its mean over the batch, in squared
activations instead of nats. In stage 1 the layers after the guided layer keep their initial
weights: they get no gradient, and optimisers skip parameters without gradient, including weight
decay. Only an upper bound for the norms of weights, if there is one, and the running statistics of
batch normalisation change them.

T = 3 and w = 4 are the values in the authors' configuration file for MNIST. That w decreases to 1
follows the paper's description of CIFAR-10 from memory, unverified.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsexplorer.objectives.base import (
    LayerNames,
    LossInputs,
    LossTerms,
    ModelPair,
    Objective,
    latex_sum,
    soft_cross_entropy,
)
from tsexplorer.objectives.feature_layers import (
    HiddenLayer,
    build_regressor,
    check_regressor,
    select_layer,
)
from tsexplorer.objectives.options import Option
from tsexplorer.planning import PretrainStage
from tsexplorer.specs import ObjectiveSpec

if TYPE_CHECKING:
    from torch import nn

SOURCE = "Romero et al. 2015, arXiv 1412.6550, equations 2 and 3"
HINTS = "fitnets-hints"
LAYER_OPTIONS = (
    Option(
        name="hint",
        title="Hint layer of the teacher",
        default="",
        help="The teacher's layer whose outputs the student learns to predict. Default: the middle "
        "activation. In an ensemble, the first teacher provides the hint.",
        layer_of="teacher",
    ),
    Option(
        name="guided",
        title="Guided layer of the student",
        default="",
        help="The student's layer that learns from the hint, together with all layers before it. "
        "Default: the middle activation.",
        layer_of="student",
    ),
)
START = Option(
    name="start",
    title="Initial weight of the soft targets",
    default=4.0,
    help="Weight w in the first epoch after the hints (λ in the paper); it decreases linearly to 1 "
    "in the last epoch.",
    low=1.0,
    high=1000.0,
)
HINT_EPOCHS = Option(
    name="hint_epochs",
    title="Epochs of hints",
    default=0,
    help="Epochs of training on the hint, before labels and soft targets; 0: as many as for these.",
    low=0,
    high=1000,
)


def select_layers(pair: ModelPair) -> tuple[HiddenLayer, HiddenLayer]:
    """The guided layer and the hint layer.

    Raises:
        UserError: a layer does not exist or is unsuitable, or the regressor is too large.
    """
    assert pair.teacher is not None
    guided = select_layer(pair.student, pair.task, str(pair.options["guided"]), "student")
    hint = select_layer(pair.teacher, pair.task, str(pair.options["hint"]), "teacher")
    check_regressor(guided, hint)
    return guided, hint


def soft_weight(start: float, epoch: int, epochs: int) -> float:
    """The weight w in an epoch, counted from 1: ``start`` in the first one, 1 in the last one.

    >>> [soft_weight(4.0, epoch, 4) for epoch in (1, 2, 3, 4)]
    [4.0, 3.0, 2.0, 1.0]
    """
    return start + (1 - start) * (epoch - 1) / max(epochs - 1, 1)


def hint_loss(inputs: LossInputs) -> LossTerms:
    """½·‖u − r(v)‖², sum over units, batch mean, in squared activations."""
    assert inputs.auxiliary_module is not None
    (v_s,), (u_t,) = inputs.student_features.values(), inputs.teacher_features.values()
    difference_BU = u_t.flatten(1) - inputs.auxiliary_module(v_s).flatten(1)
    hint = difference_BU.pow(2).sum(1).mean() / 2
    return LossTerms(hint, {"hint": hint})


def loss(inputs: LossInputs) -> LossTerms:
    """CE + w(epoch)·CE_soft(T), batch mean, in nats."""
    labels = inputs.label_loss()
    soft = soft_cross_entropy(inputs.teacher_logits_BC, inputs.z_s_BC, inputs.temperature)
    weight = soft_weight(inputs.number("start"), inputs.epoch, inputs.epochs)
    return LossTerms(labels + weight * soft, {"labels": labels, "soft": soft})


def latex(temperature: str, _lam: str, _soft_weight: str) -> str:
    """The formula of the second stage, given T as text."""
    return latex_sum(
        r"\mathrm{CE}\big(y,\ \mathrm{softmax}(z_s)\big)",
        rf"w_e\cdot\mathrm{{CE}}\big(\mathrm{{softmax}}(z_t/{temperature}),\ "
        rf"\mathrm{{softmax}}(z_s/{temperature})\big)",
    )


def _check_layers(pair: ModelPair) -> LayerNames:
    """Check the layers of the first stage; the second stage requires no layers."""
    select_layers(pair)
    return LayerNames()


def _layer_names(pair: ModelPair) -> LayerNames:
    guided, hint = select_layers(pair)
    return LayerNames((guided.name,), (hint.name,))


def _build_regressor(pair: ModelPair) -> nn.Module:
    guided, hint = select_layers(pair)
    return build_regressor(guided.shape, hint.shape)


def _hint_stage(spec: ObjectiveSpec) -> PretrainStage:
    """The first stage, which depends on neither T nor λ."""
    names = {option.name for option in LAYER_OPTIONS}
    options = {name: value for name, value in spec.options.items() if name in names}
    hints = ObjectiveSpec(name=HINTS, temperature=1.0, lam=1.0, options=options)
    return PretrainStage(
        hints, int(spec.options.get(HINT_EPOCHS.name, HINT_EPOCHS.default)) or None
    )


OBJECTIVE = (
    Objective(
        name="fitnets",
        title="FitNets (Romero 2015)",
        summary="The student first learns to predict a hidden layer of the teacher, the hint, and "
        "then labels and soft targets, whose weight decreases to 1.",
        source=SOURCE,
        convention="fitnets: after hints, CE + w·CE_soft(T) with w falling to 1, nats, batch mean",
        uses_temperature=True,
        uses_lambda=False,
        needs_teacher=True,
        uses_unlabelled=True,
        loss=loss,
        latex=latex,
        options=(*LAYER_OPTIONS, START, HINT_EPOCHS),
        select_layers=_check_layers,
        pretrain_stage=_hint_stage,
        planning_options=(HINT_EPOCHS.name,),
    ),
    Objective(
        name=HINTS,
        title="Hints of FitNets",
        summary="The first stage of FitNets: the student's layers up to the guided layer learn to "
        "predict the teacher's hint layer.",
        source=SOURCE,
        convention="hints: ½·‖u − r(v)‖², summed over units, batch mean",
        uses_temperature=False,
        uses_lambda=False,
        needs_teacher=True,
        uses_unlabelled=True,
        loss=hint_loss,
        latex=lambda _t, _lam, _soft: r"L = \tfrac{1}{2}\,\big\|u_t - r(v_s)\big\|^2",
        options=LAYER_OPTIONS,
        select_layers=_layer_names,
        build_auxiliary_module=_build_regressor,
        unitless_terms=("hint",),
        parent_objective="fitnets",
    ),
)
