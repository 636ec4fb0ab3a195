"""FitNets: both losses by hand, the selected layers, the planned stages."""

from __future__ import annotations

from math import log

import pytest
import torch
from torch import nn

from tests.objectives.loss_examples import (
    LABELS_B,
    STUDENT_ROWS,
    TEACHER_ROWS,
    logits_of,
    terms_and_gradient,
)
from tsexplorer.data.base import ImageTask
from tsexplorer.errors import UserError
from tsexplorer.objectives import LossInputs, ModelPair, get_objective, plan_experiment
from tsexplorer.specs import (
    ExperimentSpec,
    ModelSpec,
    NetConfig,
    ObjectiveSpec,
    Scalar,
    StageSpec,
    TrainSpec,
)

OBJECTIVE, HINTS = get_objective("fitnets"), get_objective("fitnets-hints")
CONV, DENSE = ModelSpec(name="wu-cnn"), ModelSpec(name="mlp-64")


def pair_of(student: ModelSpec, teacher: ModelSpec, **options: Scalar) -> ModelPair:
    spec = ObjectiveSpec(name="fitnets", options=options)
    return ModelPair(student, teacher, ImageTask(10), OBJECTIVE.option_values(spec))


def test_hint_loss_and_gradients_by_hand() -> None:
    # r doubles: 2v = (2, 0) and (4, 2); u − 2v = (1, -1) and (0, -2). ½ (1 + 1) = 1 and
    # ½ (0 + 4) = 2 with the mean 1.5. By v: −2 (u − 2v) / B = (-1, 1) and (0, 2).
    v = torch.tensor([[1.0, 0.0], [2.0, 1.0]], requires_grad=True)
    u = torch.tensor([[3.0, -1.0], [4.0, 0.0]])
    regressor = nn.Linear(2, 2, bias=False)
    regressor.weight.data = 2 * torch.eye(2)
    inputs = LossInputs(
        v,
        v,
        torch.tensor([0, 1]),
        student_features={"v": v},
        teacher_features={"u": u},
        auxiliary_module=regressor,
    )
    terms = HINTS.loss(inputs)
    terms.total.backward()  # type: ignore[no-untyped-call]
    assert terms.total.item() == pytest.approx(1.5)
    assert set(terms.parts) == {"hint"}
    torch.testing.assert_close(v.grad, torch.tensor([[-1.0, 1.0], [0.0, 2.0]]))
    # By the weights: −(u − 2v)ᵀ v / B, summed over the batch.
    torch.testing.assert_close(regressor.weight.grad, torch.tensor([[-0.5, 0.0], [2.5, 1.0]]))


@pytest.mark.parametrize(("epoch", "weight"), [(1, 4.0), (2, 2.5), (3, 1.0)])
def test_second_stage_by_hand(epoch: int, weight: float) -> None:
    # T = 2: the student's softmax is (1, 1, 2)/4 at T and (1, 1, 4)/6 at 1, the teacher's at T is
    # (1, 2, 1)/4. CE = ln 6, soft = (2 + 2·2 + 1)/4 ln 2 = 7/4 ln 2.
    z_s_BC, z_t_BC = logits_of(STUDENT_ROWS[:1], 2.0), logits_of(TEACHER_ROWS[:1], 2.0)
    inputs = LossInputs(
        z_s_BC, z_t_BC, LABELS_B[:1], 2.0, options={"start": 4.0}, epoch=epoch, epochs=3
    )
    terms, gradient_BC = terms_and_gradient(OBJECTIVE, inputs)
    assert terms.parts["labels"].item() == pytest.approx(log(6))
    assert terms.parts["soft"].item() == pytest.approx(7 / 4 * log(2))
    assert terms.total.item() == pytest.approx(log(6) + weight * 7 / 4 * log(2))
    # (softmax − one-hot) = (-5, 1, 4)/6; (q − p) / T = (0, -1, 1)/8.
    labels, soft = torch.tensor([[-5, 1, 4]]) / 6, torch.tensor([[0, -1, 1]]) / 8
    torch.testing.assert_close(gradient_BC, (labels + weight * soft).double(), atol=1e-6, rtol=0)


def test_the_middle_activations_are_the_default() -> None:
    assert HINTS.select_layers(pair_of(DENSE, CONV)) == (("relu1",), ("relu2",))
    assert OBJECTIVE.select_layers(pair_of(DENSE, CONV)) == ((), ())


def test_layers_can_be_selected_by_name() -> None:
    names = HINTS.select_layers(pair_of(CONV, DENSE, guided="conv3", hint="dense1"))
    assert names == (("conv3",), ("dense1",))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"guided": "relu7"}, "The student has no layer 'relu7'; choose a layer of the student "),
        ({"hint": "logits"}, "The logits are not a hidden layer; choose a layer of the teacher "),
        (
            {"guided": "flatten"},
            "Up to the layer flatten the student has no trained parameters; choose a layer ",
        ),
    ],
)
def test_unsuitable_layers_are_rejected(options: dict[str, Scalar], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        OBJECTIVE.select_layers(pair_of(DENSE, CONV, **options))


def test_a_net_without_hidden_layers_is_rejected() -> None:
    linear = ModelSpec(name="custom", net=NetConfig())
    with pytest.raises(UserError, match="The student has no hidden layer, and this objective"):
        OBJECTIVE.select_layers(pair_of(linear, CONV))


def test_a_regressor_above_the_size_limit_is_rejected() -> None:
    wide = ModelSpec(name="custom", net=NetConfig(dense=(8192,)))
    maps = ModelSpec(name="custom", net=NetConfig(conv=(64,)))
    with pytest.raises(UserError, match="a regressor has 102,772,992 parameters"):
        OBJECTIVE.select_layers(pair_of(wide, maps, hint="relu1"))


def test_the_hint_stage_precedes_the_distilled_stage() -> None:
    train = TrainSpec(keep="best", early_stopping=2, schedule="plateau", epochs=3)
    objective = ObjectiveSpec(name="fitnets", temperature=3, options={"hint": "relu1", "start": 2})
    spec = ExperimentSpec(objective=objective, distilled_train=train)
    _, _, hint, distilled = (stage.spec for stage in plan_experiment(spec))
    assert hint.objective == ObjectiveSpec(
        name="fitnets-hints", temperature=1, lam=1, options={"hint": "relu1"}
    )
    # Validation does not influence the hint stage.
    assert hint.train == TrainSpec(epochs=3)
    assert distilled.start_from == hint.hash
    assert distilled.train == train


def test_t_does_not_change_the_hint_stage() -> None:
    specs = [
        ExperimentSpec(objective=ObjectiveSpec(name="fitnets", temperature=temperature))
        for temperature in (3.0, 9.0)
    ]
    (*_, hint, distilled), (*_, other_hint, other_distilled) = map(plan_experiment, specs)
    assert hint.spec.hash == other_hint.spec.hash
    assert distilled.spec.hash != other_distilled.spec.hash


def student_stages(**options: Scalar) -> list[StageSpec]:
    """The hint stage and the distilled stage of a student with 3 epochs."""
    objective = ObjectiveSpec(name="fitnets", temperature=3, options=options)
    spec = ExperimentSpec(objective=objective, distilled_train=TrainSpec(epochs=3))
    return [stage.spec for stage in plan_experiment(spec)[2:]]


def test_the_number_of_hint_epochs_is_an_option() -> None:
    hint, distilled = student_stages(hint_epochs=5)
    assert (hint.train.epochs, distilled.train.epochs) == (5, 3)
    assert distilled.start_from == hint.hash
    assert student_stages(hint_epochs=5)[1].hash != student_stages()[1].hash


def test_the_default_number_of_hint_epochs_hashes_alike() -> None:
    assert student_stages(hint_epochs=3) == student_stages()


def test_negative_hint_epochs_are_rejected() -> None:
    with pytest.raises(UserError, match="hint_epochs must be at least 0"):
        OBJECTIVE.option_values(ObjectiveSpec(name="fitnets", options={"hint_epochs": -1}))


def test_the_hint_objective_cannot_be_selected() -> None:
    sentence = "fitnets-hints is the first stage of fitnets; choose fitnets"
    with pytest.raises(UserError, match=sentence):
        plan_experiment(ExperimentSpec(objective=ObjectiveSpec(name="fitnets-hints")))
