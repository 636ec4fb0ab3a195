"""A form for every kind of option; layers are those of the net that is chosen."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tsexplorer import objectives
from tsexplorer.objectives import Option, get_objective
from tsexplorer.specs import ModelSpec, NetConfig, ObjectiveSpec, Scalar
from tsexplorer.ui.objective_form import Nets, adopt_options, fill_options, option_fields

MADE = dataclasses.replace(
    get_objective("hinton"),
    name="made",
    options=(
        Option("beta", "β", 8.0, "Weight.", low=0, high=100),
        Option("warm_up", "Warm-up", 5, "Epochs.", low=1),
        Option("kind", "Kind", "off", "Which.", choices=("off", "on")),
        Option("alone", "Alone", False, "Whether."),
        Option("hint", "Hint", "", "Of the teacher.", layer_of="teacher"),
        Option("guided", "Guided", "", "Of the student.", layer_of="student"),
    ),
)
IMPOSSIBLE = ModelSpec(name="custom", net=NetConfig(conv=(8, 8, 8, 8, 8)))


SCRIPT = "from tests.ui.test_ui_objective_form import draw\ndraw()"


@pytest.fixture(autouse=True)
def made(monkeypatch: pytest.MonkeyPatch) -> None:
    """An objective that has an option of each kind."""
    known = {**objectives.load_objectives(), MADE.name: MADE}
    monkeypatch.setattr(objectives, "load_objectives", lambda: known)


def draw() -> None:
    adopt_options()
    state = st.session_state
    if "given" in state:
        fill_options(ObjectiveSpec(name="made", options=state.pop("given")))
    nets = Nets(state.get("teacher", ModelSpec(name="wu-cnn")), ModelSpec(name="mlp-64"), 10)
    state["values"] = option_fields(MADE, nets)


def opened(given: Mapping[str, Scalar] | None = None, **url: str) -> AppTest:
    page = AppTest.from_string(SCRIPT)
    for key, value in url.items():
        page.query_params[f"made.{key}"] = value
    if given is not None:
        page.session_state["given"] = dict(given)
    page.run()
    assert not page.exception
    return page


def test_each_kind_of_option_has_its_control_with_its_default_and_help() -> None:
    page = opened()
    assert page.session_state["values"] == MADE.option_values(ObjectiveSpec(name="made"))
    beta = page.number_input(key="made.beta")
    assert (beta.label, beta.value, beta.min, beta.max, beta.help) == ("β", 8.0, 0, 100, "Weight.")
    assert page.number_input(key="made.warm_up").step == 1
    assert page.selectbox(key="made.kind").options == ["off", "on"]
    assert page.toggle(key="made.alone").value is False
    assert not page.query_params


def test_layers_are_those_of_the_net_that_is_asked_about() -> None:
    page = opened()
    hint = page.selectbox(key="made.hint")
    assert hint.options[0] == "as it suits"
    assert "conv2 (64×14×14)" in hint.options
    assert not [name for name in hint.options if name.startswith("logits")]
    assert page.selectbox(key="made.guided").options == [
        "as it suits",
        "flatten (784)",
        "dense1 (64)",
        "relu1 (64)",
    ]
    hint.set_value("conv2").run()
    assert page.session_state["values"]["hint"] == "conv2"
    assert page.query_params["made.hint"] == "conv2"
    page.session_state["teacher"] = ModelSpec(name="mlp-64")
    page.run()
    assert not page.exception
    assert page.session_state["values"]["hint"] == ""  # that net has no such layer
    page.session_state["teacher"] = IMPOSSIBLE
    page.run()
    assert not page.exception
    assert page.selectbox(key="made.hint").options == ["as it suits"]


def test_a_spec_and_the_url_fill_it_and_nonsense_does_not() -> None:
    page = opened({"beta": 2, "kind": "on", "alone": True, "hint": "conv1"})
    values = page.session_state["values"]
    assert (values["beta"], values["kind"], values["alone"], values["hint"]) == (
        *(2.0, "on", True),
        "conv1",
    )
    assert set(page.query_params) == {"made.beta", "made.kind", "made.alone", "made.hint"}
    page = opened(beta="3.5", kind="maybe", alone="true", warm_up="0", hint="conv9")
    assert page.session_state["values"] == MADE.option_values(
        ObjectiveSpec(name="made", options={"beta": 3.5, "alone": True})
    )
    assert set(page.query_params) == {"made.beta", "made.alone"}
