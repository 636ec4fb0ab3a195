"""Forms that were filled with a spec return the same spec."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.conftest import OpenPage
from tsexplorer.errors import UserError
from tsexplorer.recipes import get_recipe, recipe_names
from tsexplorer.services.service import Service
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

NET = NetConfig(
    conv=(7, 9),
    dense=(11, 12, 13, 14, 15),
    activation="gelu",
    dropout=0.33,
    input_dropout=0.2,
    batch_norm=True,
    kernel=5,
    padding="valid",
    block="separable",
    strides=(1, 2),
    downsample="stride",
    head="average",
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
    padding="reflect",
    flip=True,
    max_norm=1.5,
    averaging=0.9,
    precision="fp32",
)
CHANGED = ExperimentSpec(
    name="changed",
    data=DataSpec(name="fashion-mnist", scaling="raw"),
    teacher=ModelSpec(name="custom", net=NET),
    student=ModelSpec(name="custom", net=NetConfig(dense=(5,) * 8, initialisation="glorot")),
    objective=ObjectiveSpec(name="dkd", temperature=7.5, lam=0.25, options={"alpha": 3.0}),
    teacher_train=TRAIN,
    baseline_train=TRAIN.model_copy(update={"epochs": 4}),
    distilled_train=TRAIN.model_copy(update={"epochs": 5}),
    warm_start=True,
    seeds=(5, 6, 9),
    label_share=0.25,
    more_teachers=tuple(
        FurtherTeacher(model=ModelSpec(name="custom", net=NET), seed_offset=n, weight=0.5 + n)
        for n in (1, 2, 3, 4, 5, 6)
    ),
    teacher_weight=2.5,
    combine="probabilities",
)
"""No field has its default, except that no class is excluded."""
EXCLUDING = CHANGED.model_copy(update={"left_out": (3, 4), "warm_start": False})


@pytest.mark.parametrize(
    ("changed", "default"),
    [(CHANGED, ExperimentSpec()), (NET, NetConfig()), (TRAIN, TrainSpec())],
    ids=["experiment", "net", "schedule"],
)
def test_no_field_of_the_example_has_its_default(changed: Spec, default: Spec) -> None:
    """A new field fails here until the example, and so the test of the form, has it."""
    names = [name for name in type(default).model_fields if name != "left_out"]
    assert [name for name in names if getattr(changed, name) == getattr(default, name)] == []


def train_page(text: str, opened: bool) -> None:
    """Fill the form of the page Train with a spec, and store the spec that it returns."""

    import streamlit as st

    from tsexplorer.specs import ExperimentSpec, parse_spec
    from tsexplorer.ui import forms
    from tsexplorer.ui.net_form import nets_form
    from tsexplorer.ui.objective_form import net_pair, objective_form
    from tsexplorer.ui.teachers import further_teachers_form

    spec = parse_spec(ExperimentSpec, text)
    forms.initialise_form()
    if "filled" not in st.session_state:
        forms.fill(spec)
        st.session_state["filled"] = True
    data = forms.data_form()
    nets = nets_form()
    ensemble = further_teachers_form(data.name, nets[0])
    objective = objective_form(net_pair(data.name, *nets))
    if opened:
        seeds, warm_start = forms.seeds_and_warm_start_form()
        excluded_classes = forms.excluded_classes_form(data.name)
        schedules = forms.schedules_form()
        forms.scaling_form()
        label_share = forms.label_share_form()
    else:
        _, seeds, warm_start, schedules = forms.stored_settings()
        excluded_classes = forms.stored_excluded_classes(data.name)
        label_share = forms.stored_label_share()
    values: dict[str, Any] = {
        "name": spec.name,
        "data": data,
        "teacher": nets[0],
        "student": nets[1],
        "objective": objective,
        "seeds": seeds,
        "warm_start": warm_start,
        "left_out": excluded_classes,
        "label_share": label_share,
        **ensemble,
        **schedules,
    }
    st.session_state["spec"] = forms.read_spec(ExperimentSpec, values).to_json()


def fill_and_read(spec: ExperimentSpec, *, opened: bool, runs: int = 2) -> ExperimentSpec:
    """Fill the form of the page Train with a spec; return the spec of the form."""
    page = AppTest.from_function(
        train_page, kwargs={"text": spec.to_json(), "opened": opened}, default_timeout=60
    )
    for _ in range(runs):
        page.run()
        assert not page.exception
    return parse_spec(ExperimentSpec, page.session_state["spec"])


@pytest.mark.parametrize("opened", [False, True], ids=["closed", "open"])
@pytest.mark.parametrize("spec", [CHANGED, EXCLUDING], ids=["all classes", "without two"])
def test_the_form_of_train_keeps_every_field(spec: ExperimentSpec, opened: bool) -> None:
    assert fill_and_read(spec, opened=opened) == spec


@pytest.mark.parametrize("name", recipe_names())
def test_the_form_keeps_each_recipe(name: str) -> None:
    spec = get_recipe(name).spec
    assert fill_and_read(spec, opened=True, runs=1) == spec


def test_a_changed_number_of_seeds_starts_at_seed_0(open_page: OpenPage) -> None:
    note = "Seeds 5, 6; a different number starts at seed 0."
    page = open_page("train")
    page.session_state["seeds.filled"] = (5, 6)
    page.number_input(key="seeds").set_value(2).run()
    assert note in [caption.value for caption in page.caption]
    page.number_input(key="seeds").set_value(3).run()
    assert not [caption for caption in page.caption if "a different number" in caption.value]


def sweep_page(text: str) -> None:
    """Fill the form of maps with a spec."""

    import streamlit as st

    from tsexplorer.specs import parse_spec
    from tsexplorer.studies.sweep.spec import SweepSpec
    from tsexplorer.ui import forms
    from tsexplorer.ui.app_state import get_service
    from tsexplorer.ui.study.panel import study_form
    from tsexplorer.ui.study.sweep import PANEL

    forms.initialise_form()
    if "filled" not in st.session_state:
        PANEL.fill(parse_spec(SweepSpec, text))
        st.session_state["filled"] = True
    study_form(get_service(), PANEL)


def test_the_form_of_maps_keeps_every_field(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All fields except T, λ, seeds and name of the base, which a map does not use."""
    specs: list[SweepSpec] = []

    def record(spec: SweepSpec) -> None:
        specs.append(spec)
        raise UserError("The spec is recorded.")

    monkeypatch.setattr(service.studies, "check", record)
    objective = ObjectiveSpec(name="dkd", options={"alpha": 3.0})
    filled = SweepSpec(
        base=CHANGED.model_copy(update={"objective": objective, "seeds": (0,)}),
        temperatures=(1.5, 7.0),
        lambdas=(0.125, 1.0),
        learning_rates=(0.001, 0.02),
        seeds=(4, 7),
        teachers="one a seed",
    )
    page = AppTest.from_function(sweep_page, kwargs={"text": filled.to_json()}, default_timeout=60)
    page.run().run()
    assert not page.exception
    assert specs[-1].model_copy(update={"base": filled.base}) == filled
    assert specs[-1].base.model_copy(update={"name": filled.base.name}) == filled.base
