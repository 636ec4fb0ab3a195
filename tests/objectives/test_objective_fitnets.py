"""FitNets: both losses worked by hand, the layers that can be chosen, the stages that follow."""

from __future__ import annotations

from math import log

import pytest
import torch
from torch import nn

from tsexplorer.errors import UserError
from tsexplorer.objectives import Loss, Pair, get_objective, planned
from tsexplorer.objectives.feature_layers import regressor, regressor_size
from tsexplorer.specs import (
    ExperimentSpec,
    ModelSpec,
    NetConfig,
    ObjectiveSpec,
    Scalar,
    StageSpec,
    TrainSpec,
)

FITNETS, HINTS = get_objective("fitnets"), get_objective("fitnets-hints")
CONV, DENSE = ModelSpec(name="wu-cnn"), ModelSpec(name="mlp-64")
BARE = ModelSpec(name="custom", net=NetConfig())


def pair(student: ModelSpec, teacher: ModelSpec, **options: Scalar) -> Pair:
    spec = ObjectiveSpec(name="fitnets", options=options)
    return Pair(student, teacher, 10, FITNETS.option_values(spec))


def test_hint_value_and_gradient_of_a_case_worked_by_hand() -> None:
    # r doubles: 2v = (2, 0) and (4, 2); u − 2v = (1, -1) and (0, -2). ½ (1 + 1) = 1 and
    # ½ (0 + 4) = 2, their mean 1.5. By v: −2 (u − 2v) / B = (-1, 1) and (0, 2).
    v = torch.tensor([[1.0, 0.0], [2.0, 1.0]], requires_grad=True)
    u = torch.tensor([[3.0, -1.0], [4.0, 0.0]])
    doubling = nn.Linear(2, 2, bias=False)
    doubling.weight.data = 2 * torch.eye(2)
    batch = Loss(
        v,
        v,
        torch.tensor([0, 1]),
        student_features={"v": v},
        teacher_features={"u": u},
        extra=doubling,
    )
    terms = HINTS.loss(batch)
    terms.total.backward()  # type: ignore[no-untyped-call]
    assert terms.total.item() == pytest.approx(1.5)
    assert set(terms.parts) == {"hint"}
    torch.testing.assert_close(v.grad, torch.tensor([[-1.0, 1.0], [0.0, 2.0]]))
    # By the weights: −(u − 2v)ᵀ v / B, summed over the batch.
    torch.testing.assert_close(doubling.weight.grad, torch.tensor([[-0.5, 0.0], [2.5, 1.0]]))


@pytest.mark.parametrize(("epoch", "weight"), [(1, 4.0), (2, 2.5), (3, 1.0)])
def test_second_stage_of_a_case_worked_by_hand(epoch: int, weight: float) -> None:
    # T = 2 and logits 2 ln a: the student's softmax at T is (1, 1, 2)/4, at 1 (1, 1, 4)/6; the
    # teacher's at T (1, 2, 1)/4. CE = ln 6, soft = (2 + 2·2 + 1)/4 ln 2 = 7/4 ln 2.
    z_s_BC = 2 * torch.tensor([[1.0, 1.0, 2.0]], dtype=torch.float64).log()
    z_t_BC = 2 * torch.tensor([[1.0, 2.0, 1.0]], dtype=torch.float64).log()
    z_s_BC.requires_grad_()
    batch = Loss(z_s_BC, z_t_BC, torch.tensor([0]), 2.0, options={"start": 4.0})
    terms = FITNETS.loss(batch._replace(epoch=epoch, epochs=3))
    assert terms.parts["labels"].item() == pytest.approx(log(6))
    assert terms.parts["soft"].item() == pytest.approx(7 / 4 * log(2))
    assert terms.total.item() == pytest.approx(log(6) + weight * 7 / 4 * log(2))
    # (softmax − one-hot) = (-5, 1, 4)/6; (q − p) / T = (0, -1, 1)/8.
    (gradient_BC,) = torch.autograd.grad(terms.total, z_s_BC)
    labels, soft = torch.tensor([[-5, 1, 4]]) / 6, torch.tensor([[0, -1, 1]]) / 8
    torch.testing.assert_close(gradient_BC, (labels + weight * soft).double(), atol=1e-6, rtol=0)


def test_the_middle_activations_are_the_usual_choice() -> None:
    assert HINTS.select_layers(pair(DENSE, CONV)) == (("relu1",), ("relu2",))
    named = HINTS.select_layers(pair(CONV, DENSE, guided="conv3", hint="dense1"))
    assert named == (("conv3",), ("dense1",))
    assert FITNETS.select_layers(pair(DENSE, CONV)) == ((), ())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"guided": "relu7"}, "The student has no layer 'relu7'; choose a layer of the student "),
        ({"hint": "logits"}, "The logits are not hidden; choose a layer of the teacher among "),
        ({"guided": "flatten"}, "Nothing is trained up to the student's layer flatten; "),
    ],
)
def test_layers_that_cannot_be_used_are_refused(options: dict[str, Scalar], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        FITNETS.select_layers(pair(DENSE, CONV, **options))


def test_a_net_without_hidden_layers_is_refused() -> None:
    with pytest.raises(UserError, match="The student has no hidden layer to look at"):
        FITNETS.select_layers(pair(BARE, CONV))


def test_a_regressor_larger_than_any_net_is_refused() -> None:
    wide = ModelSpec(name="custom", net=NetConfig(dense=(8192,)))
    maps = ModelSpec(name="custom", net=NetConfig(conv=(64,)))
    with pytest.raises(UserError, match="a regressor has 102,772,992 parameters"):
        FITNETS.select_layers(pair(wide, maps, hint="relu1"))


@pytest.mark.parametrize(
    ("student", "teacher", "shape"),
    [
        ((3, 8, 8), (5, 4, 4), (2, 5, 4, 4)),
        ((3, 4, 4), (5, 7, 7), (2, 5, 7, 7)),
        ((3, 4, 4), (5, 4, 4), (2, 5, 4, 4)),
        ((3, 4, 4), (6,), (2, 6)),
        ((7,), (5, 4, 4), (2, 80)),
    ],
)
def test_regressors_fit_and_are_counted(
    student: tuple[int, ...], teacher: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    net = regressor(student, teacher)
    answer = net(torch.ones(2, *student))
    assert answer.shape == shape
    assert not answer.any()  # it starts at zero, so that no unit learns to fall silent
    assert sum(one.numel() for one in net.parameters()) == regressor_size(student, teacher)


def test_hints_come_first_and_nothing_is_decided_by_their_validation() -> None:
    train = TrainSpec(keep="best", early_stopping=2, schedule="plateau", epochs=3)
    objective = ObjectiveSpec(name="fitnets", temperature=3, options={"hint": "relu1", "start": 2})
    spec = ExperimentSpec(objective=objective, distilled_train=train)
    _, _, hint, distilled = (stage.spec for stage in planned(spec))
    assert hint.objective == ObjectiveSpec(
        name="fitnets-hints", temperature=1, lam=1, options={"hint": "relu1"}
    )
    assert (hint.train.keep, hint.train.early_stopping, hint.train.schedule) == (
        "last",
        None,
        "constant",
    )
    assert hint.train.epochs == 3
    assert distilled.start_from == hint.hash
    assert distilled.train == train
    colder = objective.model_copy(update={"temperature": 9.0})
    again = planned(spec.model_copy(update={"objective": colder}))
    assert again[2].spec.hash == hint.hash
    assert again[3].spec.hash != distilled.hash


def test_hints_have_epochs_of_their_own() -> None:
    def stages(**options: Scalar) -> list[StageSpec]:
        objective = ObjectiveSpec(name="fitnets", temperature=3, options=options)
        spec = ExperimentSpec(objective=objective, distilled_train=TrainSpec(epochs=3))
        return [stage.spec for stage in planned(spec)[2:]]

    hint, distilled = stages(hint_epochs=5)
    assert (hint.train.epochs, distilled.train.epochs) == (5, 3)
    assert distilled.start_from == hint.hash
    assert stages(hint_epochs=3) == stages()  # said or not, the same nets
    assert stages(hint_epochs=5)[1].hash != stages()[1].hash
    with pytest.raises(UserError, match="hint_epochs must be at least 0"):
        get_objective("fitnets").option_values(
            ObjectiveSpec(name="fitnets", options={"hint_epochs": -1})
        )


def test_the_hints_are_no_objective_of_their_own() -> None:
    with pytest.raises(UserError, match="fitnets-hints is the first part of fitnets; choose that"):
        planned(ExperimentSpec(objective=ObjectiveSpec(name="fitnets-hints")))
