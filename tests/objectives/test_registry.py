"""The registry of objectives: names, descriptions, support of ensembles."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.objectives import get_objective, objective_names, plan_experiment
from tsexplorer.specs import ExperimentSpec, FurtherTeacher, ModelSpec, ObjectiveSpec


def test_labels_and_hinton_precede_the_alphabetical_order() -> None:
    names = objective_names()
    assert names[:2] == ("labels", "hinton")
    assert list(names[2:]) == sorted(names[2:])
    assert {"additive", "vanilla"} <= set(names)


def test_an_unknown_name_gives_the_list_of_names() -> None:
    with pytest.raises(NotFoundError) as caught:
        get_objective("hintom")
    names = ", ".join(objective_names())
    assert str(caught.value) == f"There is no objective called 'hintom'; choose one of {names}."


@pytest.mark.parametrize("name", objective_names())
def test_objectives_have_descriptions(name: str) -> None:
    objective = get_objective(name)
    assert objective.name == name
    assert objective.title
    assert objective.source
    assert "nats" in objective.convention
    assert objective.summary.endswith(".")
    assert "\n" not in objective.summary


@pytest.mark.parametrize("name", objective_names())
def test_formulas_show_t_and_lambda_if_they_are_used(name: str) -> None:
    objective = get_objective(name)
    with_values = objective.format_formula(ObjectiveSpec(temperature=17.5, lam=0.375))
    for formula in (objective.formula, with_values):
        assert formula.count("L =") == 1
        assert formula.count("{") == formula.count("}")
        assert formula.count("(") == formula.count(")")
    assert ("/T" in objective.formula) == objective.uses_temperature == ("17.5" in with_values)
    assert (r"\lambda" in objective.formula) == objective.uses_lambda == ("0.375" in with_values)
    assert "lambda" not in with_values
    assert "/T" not in with_values


def test_descriptions_do_not_import_torch() -> None:
    program = (
        "import sys\n"
        "from tsexplorer.objectives import get_objective, objective_names\n"
        "from tsexplorer.specs import ObjectiveSpec\n"
        "for name in objective_names():\n"
        "    get_objective(name).format_formula(ObjectiveSpec())\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("name", ["attention", "relational"])
def test_losses_on_hidden_layers_reject_an_ensemble(name: str) -> None:
    member = FurtherTeacher(model=ModelSpec(name="lenet-5"))
    spec = ExperimentSpec(
        teacher=ModelSpec(name="wu-cnn"),
        student=ModelSpec(name="wu-cnn"),
        objective=ObjectiveSpec(name=name),
    )
    assert plan_experiment(spec)
    with pytest.raises(UserError, match="uses hidden layers of one teacher; remove the further"):
        plan_experiment(spec.model_copy(update={"more_teachers": (member,)}))
