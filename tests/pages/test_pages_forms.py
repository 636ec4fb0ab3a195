"""A form that was filled with an experiment asks for that experiment, to the last field."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tsexplorer.recipes import get_recipe, recipe_names
from tsexplorer.specs import (
    DataSpec,
    ExperimentSpec,
    FurtherTeacher,
    ModelSpec,
    NetConfig,
    ObjectiveSpec,
    Spec,
    TrainSpec,
    parse_spec,
)
from tsexplorer.studies.sweep.spec import SweepSpec
from tsexplorer.ui.study import form as study_form

NET = NetConfig(
    conv=(7, 9),
    dense=(11, 12, 13, 14, 15),
    activation="gelu",
    dropout=0.33,
    input_dropout=0.2,
    batch_norm=True,
    kernel=5,
    padding="valid",
    initialisation="glorot",
)
TRAIN = TrainSpec(
    epochs=3,
    batch_size=17,
    optimiser="sgd",
    learning_rate=0.00123,
    weight_decay=0.01,
    momentum=0.5,
    epsilon=1e-5,
    schedule="plateau",
    plateau_patience=3,
    early_stopping=4,
    keep="best",
    jitter=1,
    max_norm=1.5,
    averaging=0.9,
    precision="fp32",
)
UNUSUAL = ExperimentSpec(
    name="unusual",
    data=DataSpec(name="fashion-mnist", scaling="raw"),
    teacher=ModelSpec(name="custom", net=NET),
    student=ModelSpec(name="custom", net=NetConfig(dense=(5,) * 8, initialisation="glorot")),
    objective=ObjectiveSpec(name="dkd", temperature=7.5, lam=0.25, options={"alpha": 3.0}),
    teacher_train=TRAIN,
    baseline_train=TRAIN.model_copy(update={"epochs": 4}),
    distilled_train=TRAIN.model_copy(update={"epochs": 5}),
    warm_start=True,
    seeds=(5, 6, 9),
    more_teachers=tuple(
        FurtherTeacher(model=ModelSpec(name="custom", net=NET), seed_offset=n, weight=0.5 + n)
        for n in (1, 2, 3, 4, 5, 6)
    ),
    teacher_weight=2.5,
    combine="probabilities",
)
"""No field has the value that it has where nobody says anything, but that no class is left out."""
WITHOUT = UNUSUAL.model_copy(update={"left_out": (3, 4), "warm_start": False})


@pytest.mark.parametrize(
    ("given", "plain"),
    [(UNUSUAL, ExperimentSpec()), (NET, NetConfig()), (TRAIN, TrainSpec())],
    ids=["experiment", "net", "schedule"],
)
def test_the_unusual_leaves_no_field_as_it_is(given: Spec, plain: Spec) -> None:
    """Whoever adds a field has to add it here, and so to the form."""
    same = [
        name for name in type(plain).model_fields if getattr(given, name) == getattr(plain, name)
    ]
    assert [name for name in same if name != "left_out"] == []


def _train(text: str, opened: bool) -> None:
    """What pages/train.py reads off its form."""

    import streamlit as st

    from tsexplorer.specs import ExperimentSpec, parse_spec
    from tsexplorer.ui import forms, teachers
    from tsexplorer.ui.forms import left_out_as_it_stands, left_out_form
    from tsexplorer.ui.net_form import nets_form
    from tsexplorer.ui.objective_form import objective_form, pair

    spec = parse_spec(ExperimentSpec, text)
    forms.begin()
    if "given" not in st.session_state:
        forms.fill(spec)
        st.session_state["given"] = True
    data = forms.data_form()
    nets = nets_form()
    ensemble = teachers.form(data.name, nets[0])
    objective = objective_form(pair(data.name, *nets))
    if opened:
        seeds, warm_start = forms.repeat_form()
        left_out, trains = left_out_form(data.name), forms.train_forms()
        forms.scaling_form()
    else:
        _, seeds, warm_start, trains = forms.as_they_stand()
        left_out = left_out_as_it_stands(data.name)
    values: dict[str, Any] = {
        "name": spec.name,
        "data": data,
        "teacher": nets[0],
        "student": nets[1],
        "objective": objective,
        "seeds": seeds,
        "warm_start": warm_start,
        "left_out": left_out,
        **ensemble,
        **trains,
    }
    st.session_state["read"] = forms.read(ExperimentSpec, values).to_json()


def read_back(spec: ExperimentSpec, *, opened: bool, runs: int = 2) -> ExperimentSpec:
    page = AppTest.from_function(
        _train, kwargs={"text": spec.to_json(), "opened": opened}, default_timeout=60
    )
    for _ in range(runs):
        page.run()
        assert not page.exception
    return parse_spec(ExperimentSpec, page.session_state["read"])


@pytest.mark.parametrize("opened", [False, True], ids=["folded", "opened"])
@pytest.mark.parametrize("spec", [UNUSUAL, WITHOUT], ids=["all", "without"])
def test_nothing_of_an_experiment_gets_lost(spec: ExperimentSpec, opened: bool) -> None:
    assert read_back(spec, opened=opened) == spec


@pytest.mark.parametrize("name", recipe_names())
def test_recipes_are_what_they_fill_in(name: str) -> None:
    spec = get_recipe(name).spec
    assert read_back(spec, opened=True, runs=1) == spec


def test_another_number_of_seeds_begins_at_zero(open_page: Any) -> None:
    page = open_page("train")
    page.session_state["seeds.filled"] = (5, 6)
    page.number_input(key="seeds").set_value(2).run()
    assert "Seeds 5, 6, as filled in" in " ".join(one.value for one in page.caption)
    page.number_input(key="seeds").set_value(3).run()
    assert "as filled in" not in " ".join(one.value for one in page.caption)


def _sweep(text: str) -> None:
    import streamlit as st

    from tsexplorer.specs import parse_spec
    from tsexplorer.studies.sweep.spec import SweepSpec
    from tsexplorer.ui import forms
    from tsexplorer.ui.app_state import get_service
    from tsexplorer.ui.study.form import study_form
    from tsexplorer.ui.study.sweep import PANEL

    forms.begin()
    if "given" not in st.session_state:
        PANEL.fill(parse_spec(SweepSpec, text))
        st.session_state["given"] = True
    study_form(get_service(), PANEL)


@pytest.mark.usefixtures("service")
def test_nothing_of_a_sweep_gets_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """But its base's T, lambda, seeds and name, which have no say."""
    read: list[SweepSpec] = []
    monkeypatch.setattr(study_form, "_start", lambda _service, _panel, spec, *_: read.append(spec))
    asked = SweepSpec(
        base=UNUSUAL.model_copy(
            update={
                "objective": ObjectiveSpec(name="dkd", options={"alpha": 3.0}),
                "seeds": (0,),
            }
        ),
        temperatures=(1.5, 7.0),
        lambdas=(0.125, 1.0),
        learning_rates=(0.001, 0.02),
        seeds=(4, 7),
        teachers="one a seed",
    )
    page = AppTest.from_function(_sweep, kwargs={"text": asked.to_json()}, default_timeout=60)
    page.run().run()
    assert not page.exception
    found = read[-1]
    assert found.model_copy(update={"base": asked.base}) == asked
    assert found.base.model_copy(update={"name": asked.base.name}) == asked.base
