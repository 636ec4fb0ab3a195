"""The form of an objective follows from it: T and lambda where they take part, and its options.

Values live in the session: under ``objective``, ``T`` and ``lambda``, and an option's under
``<objective>.<option>``, which is also its name in the URL, so that two objectives may each have a
beta.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import streamlit as st

from tsexplorer.data.registry import get_dataset
from tsexplorer.errors import UserError
from tsexplorer.models import count
from tsexplorer.models.summary import LAST
from tsexplorer.objectives import Objective, Option, get_objective, objective_names
from tsexplorer.specs import ModelSpec, ObjectiveSpec, Scalar
from tsexplorer.studies.student_stages import sweepable
from tsexplorer.ui.url_state import adopt, publish, unpublish

TEMPERATURES = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 50.0)


class Nets(NamedTuple):
    """The pair that the form is about, and how many classes they tell apart."""

    teacher: ModelSpec
    student: ModelSpec
    classes: int


def pair(dataset: str, teacher: ModelSpec, student: ModelSpec) -> Nets:
    """The pair on a dataset."""
    return Nets(teacher, student, len(get_dataset(dataset).info.classes))


def taught() -> tuple[str, ...]:
    """Objectives of the distilled stage; labels alone are the baseline's."""
    return tuple(name for name in objective_names() if name != "labels")


def fill_options(spec: ObjectiveSpec) -> None:
    """Put an objective's options into the session; to be called before the form is drawn."""
    objective = get_objective(spec.name)
    for name, value in objective.settings(spec).items():
        st.session_state[_key(objective, name)] = value


def adopt_options() -> None:
    """Take options from the URL; to be called before the form is drawn."""
    for objective in map(get_objective, taught()):
        for option in objective.options:
            key = _key(objective, option.name)
            st.session_state.setdefault(key, option.default)
            adopt(key, lambda text, option=option: _read(option, text))  # type: ignore[misc]


def choose_objective(names: Sequence[str], key: str) -> Objective:
    """A choice among some objectives, which says what each is."""
    name = st.selectbox(
        "Objective",
        names,
        key=key,
        persist_state="session",
        format_func=lambda name: get_objective(name).title,
        help="\n\n".join(
            f"**{get_objective(name).title}**: {get_objective(name).summary}" for name in names
        ),
    )
    return get_objective(name)


def objective_form(nets: Nets) -> ObjectiveSpec:
    """Objective, what it takes, and the formula in force with its numbers."""
    objective = choose_objective(taught(), "objective")
    used = [objective.uses_temperature, objective.uses_lambda]
    places = iter(st.columns(2) if any(used) else ())
    if objective.uses_temperature:
        with next(places):
            _temperature()
    if objective.uses_lambda:
        with next(places):
            _lambda()
    for key in ("objective", "T", "lambda"):
        publish(key)
    state = st.session_state
    spec = objective.asked(state["T"], state["lambda"], option_fields(objective, nets))
    st.latex(rf"\footnotesize {objective.formula_in_force(spec)}")  # it must fit a phone
    return spec


def option_fields(objective: Objective, nets: Nets) -> dict[str, Scalar]:
    """A control for each option of an objective, two in a row, and what they say."""
    values: dict[str, Scalar] = {}
    for place in range(0, len(objective.options), 2):  # a row at a time: a phone stacks columns
        row = objective.options[place : place + 2]
        for column, option in zip(st.columns(2), row, strict=False):
            with column:
                values[option.name] = _control(option, _key(objective, option.name), nets)
    _publish(objective, values)
    return values


def _temperature() -> None:
    st.select_slider(
        "Temperature T",
        with_value(TEMPERATURES, st.session_state["T"]),
        key="T",
        persist_state="session",
        help="How far the teacher's answers are softened. At T = 1 they are its plain "
        "probabilities; the higher T, the more the small ones speak.",
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


def _control(option: Option, key: str, nets: Nets) -> Scalar:
    if option.layer_of is not None:
        return _layer(option, key, nets)
    usual: dict[str, Any] = {"key": key, "help": option.help, "persist_state": "session"}
    if isinstance(option.default, bool):
        return bool(st.toggle(option.title, **usual))
    if option.choices:
        return str(st.selectbox(option.title, option.choices, **usual))
    if isinstance(option.default, str):
        return str(st.text_input(option.title, max_chars=200, **usual))
    kind: type[int] | type[float] = int if isinstance(option.default, int) else float
    low, high = (None if bound is None else kind(bound) for bound in (option.low, option.high))
    step, form = (1, "%d") if kind is int else (None, "%.6g")
    value = st.number_input(
        option.title, min_value=low, max_value=high, step=step, format=form, **usual
    )
    return kind(value)


def _layer(option: Option, key: str, nets: Nets) -> str:
    """A choice among the hidden layers of one of the nets; none is the objective's own choice."""
    shapes = _layers(nets.student if option.layer_of == "student" else nets.teacher, nets.classes)
    if st.session_state[key] not in shapes:
        st.session_state[key] = ""  # a layer of another net
    name = st.selectbox(
        option.title,
        ("", *shapes),
        key=key,
        persist_state="session",
        help=option.help,
        format_func=lambda name: f"{name} ({shapes[name]})" if name else "as it suits",
    )
    return str(name)


def _layers(model: ModelSpec, classes: int) -> Mapping[str, str]:
    """Shapes of a net's hidden layers by name; none of an impossible net, which says so itself."""
    try:
        rows = count(model, classes).layers
    except UserError:
        return {}
    return {row.name: row.output for row in rows if row.name != LAST}


def _publish(objective: Objective, values: Mapping[str, Scalar]) -> None:
    """Put what is not as usual into the URL, and take away what other objectives had there."""
    unusual = {
        _key(objective, option.name)
        for option in objective.options
        if values[option.name] != option.default
    }
    for key in _keys():
        if key in unusual:
            publish(key)
        else:
            unpublish(key)


def _keys() -> list[str]:
    every = map(get_objective, taught())
    return [_key(objective, option.name) for objective in every for option in objective.options]


def _key(objective: Objective, option: str) -> str:
    return f"{objective.name}.{option}"


def _read(option: Option, text: str) -> Scalar:
    """An option's value for ``adopt``, which wants a ValueError for what makes no sense."""
    try:
        return option.read(text)
    except UserError as error:
        raise ValueError(text) from error


def with_value(options: Sequence[Any], value: Any) -> list[Any]:
    """The options, and a value that came from elsewhere in its place among them."""
    return sorted({*options, value}) if value is not None else list(options)


def grid_objective(nets: Nets) -> ObjectiveSpec:
    """One that has a T and a lambda to vary, its options and its formula."""
    objective = choose_objective(sweepable(), "sweep.objective")
    spec = objective.tidied(
        ObjectiveSpec(name=objective.name, options=option_fields(objective, nets))
    )
    st.latex(rf"\scriptsize {objective.formula_of_grid(spec)}")  # it must fit a phone
    return spec
