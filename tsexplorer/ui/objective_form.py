"""The form of an objective: its name, T and λ if it uses them, and its options.

Values live in the session under ``objective``, ``T`` and ``lambda``; an option's value under
``<objective>.<option>``, which is also its URL parameter, so that two objectives may each have an
option ``beta``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import streamlit as st

from tsexplorer.data.base import ImageTask
from tsexplorer.data.registry import get_dataset
from tsexplorer.errors import UserError
from tsexplorer.models import count
from tsexplorer.models.summary import LOGITS
from tsexplorer.objectives import Objective, Option, get_objective, objective_names
from tsexplorer.specs import ModelSpec, ObjectiveSpec, Scalar
from tsexplorer.studies.student_stages import sweepable
from tsexplorer.ui.url_state import read_parameter, remove_parameter, write_parameter

TEMPERATURES = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 50.0)


class NetPair(NamedTuple):
    """Teacher and student of the form, and their number of classes."""

    teacher: ModelSpec
    student: ModelSpec
    task: ImageTask


def net_pair(dataset: str, teacher: ModelSpec, student: ModelSpec) -> NetPair:
    """Return the pair with the number of classes of a dataset."""
    return NetPair(teacher, student, get_dataset(dataset).info.task)


def distillation_objectives() -> tuple[str, ...]:
    """Return the names of all objectives of the distilled student: all but ``labels``."""
    return tuple(name for name in objective_names() if name != "labels")


def fill_options(spec: ObjectiveSpec) -> None:
    """Put an objective's options into the session; call it before the form is drawn."""
    objective = get_objective(spec.name)
    for name, value in objective.option_values(spec).items():
        st.session_state[_key(objective, name)] = value


def read_options_from_url() -> None:
    """Read the options of all objectives from the URL; call it before the form is drawn."""
    for objective in map(get_objective, distillation_objectives()):
        for option in objective.options:
            key = _key(objective, option.name)
            st.session_state.setdefault(key, option.default)
            read_parameter(key, partial(_parse, option))


def choose_objective(names: Sequence[str], key: str) -> Objective:
    """Draw a choice of objectives, whose help describes each; return the chosen one."""
    chosen = st.selectbox(
        "Objective",
        names,
        key=key,
        persist_state="session",
        format_func=lambda name: get_objective(name).title,
        help="\n\n".join(
            f"**{get_objective(name).title}**: {get_objective(name).summary}" for name in names
        ),
    )
    return get_objective(chosen)


def objective_form(nets: NetPair) -> ObjectiveSpec:
    """Draw the controls of an objective and its formula with their values; return its spec."""
    objective = choose_objective(distillation_objectives(), "objective")
    controls = [_temperature] * objective.uses_temperature + [_lambda] * objective.uses_lambda
    if controls:
        for column, control in zip(st.columns(2), controls, strict=False):
            with column:
                control()
    for key in ("objective", "T", "lambda"):
        write_parameter(key)
    state = st.session_state
    spec = objective.make_spec(state["T"], state["lambda"], options_form(objective, nets))
    st.latex(rf"\footnotesize {objective.format_formula(spec)}")  # it must fit a phone
    return spec


def grid_objective_form(nets: NetPair) -> ObjectiveSpec:
    """Draw the controls of an objective whose T and λ a study varies; return its spec."""
    objective = choose_objective(sweepable(), "sweep.objective")
    spec = objective.without_defaults(
        ObjectiveSpec(name=objective.name, options=options_form(objective, nets))
    )
    st.latex(rf"\scriptsize {objective.format_grid_formula(spec)}")  # it must fit a phone
    return spec


def options_form(objective: Objective, nets: NetPair) -> dict[str, Scalar]:
    """Draw a control for each option of an objective, two in a row; return their values."""
    values: dict[str, Scalar] = {}
    for start in range(0, len(objective.options), 2):  # a row at a time: a phone stacks columns
        row = objective.options[start : start + 2]
        for column, option in zip(st.columns(2), row, strict=False):
            with column:
                values[option.name] = _option_control(option, _key(objective, option.name), nets)
    _write_options_to_url(objective, values)
    return values


def with_value(options: Sequence[Any], value: Any) -> list[Any]:
    """Return the options of a slider, with a value from elsewhere sorted in."""
    return sorted({*options, value}) if value is not None else list(options)


def _temperature() -> None:
    st.select_slider(
        "Temperature T",
        with_value(TEMPERATURES, st.session_state["T"]),
        key="T",
        persist_state="session",
        help="How far the teacher's outputs are softened. At T = 1 they are its plain "
        "probabilities; the higher T, the more weight small probabilities get.",
    )


def _lambda() -> None:
    st.slider(
        "Weight of the labels λ",
        0.0,
        1.0,
        step=0.05,
        key="lambda",
        persist_state="session",
        help="1 is the baseline (labels alone), 0 learns from the teacher alone.",
    )


def _option_control(option: Option, key: str, nets: NetPair) -> Scalar:
    if option.layer_of is not None:
        return _layer_control(option, key, nets)
    common: dict[str, Any] = {"key": key, "help": option.help, "persist_state": "session"}
    if isinstance(option.default, bool):
        return bool(st.toggle(option.title, **common))
    if option.choices:
        return str(st.selectbox(option.title, option.choices, **common))
    if isinstance(option.default, str):
        return str(st.text_input(option.title, max_chars=200, **common))
    number: type[int] | type[float] = int if isinstance(option.default, int) else float
    low, high = (None if bound is None else number(bound) for bound in (option.low, option.high))
    step, number_format = (1, "%d") if number is int else (None, "%.6g")
    value = st.number_input(
        option.title, min_value=low, max_value=high, step=step, format=number_format, **common
    )
    return number(value)


def _layer_control(option: Option, key: str, nets: NetPair) -> str:
    """Draw a choice of the hidden layers of a net; "" leaves the choice to the objective."""
    net = nets.student if option.layer_of == "student" else nets.teacher
    shapes = _hidden_layers(net, nets.task)
    if st.session_state[key] not in shapes:
        st.session_state[key] = ""  # the net was changed
    layer = st.selectbox(
        option.title,
        ("", *shapes),
        key=key,
        persist_state="session",
        help=option.help,
        format_func=lambda name: f"{name} ({shapes[name]})" if name else "automatic",
    )
    return str(layer)


def _hidden_layers(model: ModelSpec, task: ImageTask) -> Mapping[str, str]:
    """Return the shapes of a net's hidden layers by name; none if the net cannot be built."""
    try:
        layers = count(model, task).layers
    except UserError:
        return {}  # the form of the net shows the error
    return {layer.name: layer.output for layer in layers if layer.name != LOGITS}


def _write_options_to_url(objective: Objective, values: Mapping[str, Scalar]) -> None:
    """Write the options that are not at their defaults; remove all others from the URL."""
    changed = {
        _key(objective, option.name)
        for option in objective.options
        if values[option.name] != option.default
    }
    for other in map(get_objective, distillation_objectives()):
        for option in other.options:
            key = _key(other, option.name)
            if key in changed:
                write_parameter(key)
            else:
                remove_parameter(key)


def _key(objective: Objective, option: str) -> str:
    return f"{objective.name}.{option}"


def _parse(option: Option, text: str) -> Scalar:
    """Parse an option's value for :func:`read_parameter`, which expects a ValueError."""
    try:
        return option.parse(text)
    except UserError as error:
        raise ValueError(str(error).removesuffix(".")) from error
