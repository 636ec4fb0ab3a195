"""Which objectives there are, and what each says of itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.objectives import get_objective, objective_names, planned
from tsexplorer.objectives.base import format_number
from tsexplorer.specs import ExperimentSpec, FurtherTeacher, ModelSpec, ObjectiveSpec


def test_labels_and_hinton_come_first_and_then_the_alphabet() -> None:
    names = objective_names()
    assert names[:2] == ("labels", "hinton")
    assert list(names[2:]) == sorted(names[2:])
    assert {"additive", "vanilla"} <= set(names)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(NotFoundError) as caught:
        get_objective("hintom")
    known = ", ".join(objective_names())
    assert str(caught.value) == (f"There is no objective called 'hintom'; choose one of {known}.")


@pytest.mark.parametrize("name", objective_names())
def test_objectives_say_what_they_are(name: str) -> None:
    objective = get_objective(name)
    assert objective.name == name
    assert objective.title
    assert objective.source
    assert "nats" in objective.convention
    assert objective.summary.endswith(".")
    assert "\n" not in objective.summary


@pytest.mark.parametrize("name", objective_names())
def test_formulas_show_what_the_objective_uses(name: str) -> None:
    objective = get_objective(name)
    in_force = objective.format_formula(ObjectiveSpec(temperature=17.5, lam=0.375))
    for text in (objective.formula, in_force):
        assert text.count("L =") == 1
        assert text.count("{") == text.count("}")
        assert text.count("(") == text.count(")")
    assert ("/T" in objective.formula) == objective.uses_temperature == ("17.5" in in_force)
    assert (r"\lambda" in objective.formula) == objective.uses_lambda == ("0.375" in in_force)
    assert "lambda" not in in_force
    assert "/T" not in in_force


@pytest.mark.parametrize(
    ("value", "text"),
    [(4.0, "4"), (0.25, "0.25"), (1 / 3, "0.333333"), (0.0, "0"), (1000.0, "1000")],
)
def test_numbers_are_written_short(value: float, text: str) -> None:
    assert format_number(value) == text


def test_objectives_are_listed_and_explained_without_torch() -> None:
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
def test_an_ensemble_that_would_not_be_heard_is_refused(name: str) -> None:
    member = FurtherTeacher(model=ModelSpec(name="lenet-5"))
    spec = ExperimentSpec(
        teacher=ModelSpec(name="wu-cnn"),
        student=ModelSpec(name="wu-cnn"),
        objective=ObjectiveSpec(name=name),
    )
    assert planned(spec)
    with pytest.raises(UserError, match="looks inside one teacher and would not hear the others"):
        planned(spec.model_copy(update={"more_teachers": (member,)}))


def test_the_formula_of_attention_has_its_number() -> None:
    objective = get_objective("attention")
    spec = ObjectiveSpec(name="attention", options={"beta": 250.0})
    assert "250" in objective.format_formula(spec)
    assert r"\beta" not in objective.format_formula(spec)
