"""The options of an objective: their controls, the URL, and the layers of the chosen nets."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tsexplorer import objectives
from tsexplorer.data.base import ImageTask
from tsexplorer.objectives import Option, get_objective
from tsexplorer.specs import ModelSpec, NetConfig, ObjectiveSpec, Scalar
from tsexplorer.ui.objective_form import NetPair, fill_options, options_form, read_options_from_url

EVERY_TYPE = dataclasses.replace(
    get_objective("hinton"),
    name="every-type",
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
def register_objective(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register an objective that has an option of each type."""
    registered = {**objectives.load_objectives(), EVERY_TYPE.name: EVERY_TYPE}
    monkeypatch.setattr(objectives, "load_objectives", lambda: registered)


def draw() -> None:
    """Draw the options and store their values; a script of AppTest."""
    read_options_from_url()
    state = st.session_state
    if "filled" in state:
        fill_options(ObjectiveSpec(name="every-type", options=state.pop("filled")))
    nets = NetPair(
        state.get("teacher", ModelSpec(name="wu-cnn")), ModelSpec(name="mlp-64"), ImageTask(10)
    )
    state["values"] = options_form(EVERY_TYPE, nets)


def opened(filled: Mapping[str, Scalar] | None = None, **url: str) -> AppTest:
    """Run the script with options in the session and in the URL."""
    page = AppTest.from_string(SCRIPT)
    for key, value in url.items():
        page.query_params[f"every-type.{key}"] = value
    if filled is not None:
        page.session_state["filled"] = dict(filled)
    page.run()
    assert not page.exception
    return page


def test_each_type_of_option_has_its_control() -> None:
    page = opened()
    assert page.session_state["values"] == EVERY_TYPE.option_values(
        ObjectiveSpec(name="every-type")
    )
    beta = page.number_input(key="every-type.beta")
    assert (beta.label, beta.value, beta.min, beta.max, beta.help) == ("β", 8.0, 0, 100, "Weight.")
    assert page.number_input(key="every-type.warm_up").step == 1
    assert page.selectbox(key="every-type.kind").options == ["off", "on"]
    assert page.toggle(key="every-type.alone").value is False
    assert not page.query_params


def test_layers_are_those_of_the_options_net() -> None:
    page = opened()
    hint = page.selectbox(key="every-type.hint")
    assert hint.options[0] == "automatic"
    assert "conv2 (64×14×14)" in hint.options
    assert not [name for name in hint.options if name.startswith("logits")]
    assert page.selectbox(key="every-type.guided").options == [
        "automatic",
        "flatten (784)",
        "dense1 (64)",
        "relu1 (64)",
    ]
    hint.set_value("conv2").run()
    assert page.session_state["values"]["hint"] == "conv2"
    assert page.query_params["every-type.hint"] == "conv2"
    page.session_state["teacher"] = ModelSpec(name="mlp-64")
    page.run()
    assert not page.exception
    assert page.session_state["values"]["hint"] == ""  # this net has no such layer
    page.session_state["teacher"] = IMPOSSIBLE
    page.run()
    assert not page.exception
    assert page.selectbox(key="every-type.hint").options == ["automatic"]


def test_options_come_from_the_session_and_the_url() -> None:
    page = opened({"beta": 2, "kind": "on", "alone": True, "hint": "conv1"})
    values = page.session_state["values"]
    assert (values["beta"], values["kind"], values["alone"], values["hint"]) == (
        *(2.0, "on", True),
        "conv1",
    )
    assert set(page.query_params) == {
        "every-type.beta",
        "every-type.kind",
        "every-type.alone",
        "every-type.hint",
    }
    page = opened(beta="3.5", kind="maybe", alone="true", warm_up="0", hint="conv9")
    assert page.session_state["values"] == EVERY_TYPE.option_values(
        ObjectiveSpec(name="every-type", options={"beta": 3.5, "alone": True})
    )
    assert set(page.query_params) == {"every-type.beta", "every-type.alone"}
