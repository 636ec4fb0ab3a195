"""Forms that follow from specs: a field's type gives the control, its description the help.

Values live in the session under ``<prefix>.<field>``. :func:`fill` puts a whole experiment into
them (a recipe, say); the ``*_form`` functions draw the controls and read them back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any, Literal, get_args, get_origin

import streamlit as st
from pydantic import BaseModel

from tsexplorer.data.leaving_out import left_out_words
from tsexplorer.data.registry import dataset_names, get_dataset
from tsexplorer.errors import UserError
from tsexplorer.models import get_preset, model_names
from tsexplorer.objectives import get_objective
from tsexplorer.recipes import get_recipe, recipe_names
from tsexplorer.specs import (
    AnySpec,
    DataSpec,
    ExperimentSpec,
    Fault,
    ModelSpec,
    NetConfig,
    SpecError,
    TrainSpec,
    parse_spec,
)
from tsexplorer.ui import teachers
from tsexplorer.ui.left_out import LEFT_OUT
from tsexplorer.ui.objective_form import adopt_options, fill_options, taught, with_value
from tsexplorer.ui.state import adopt, number_within, one_of, publish

WIDTHS = (4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 800, 1024, 1200, 2048)
CUSTOM = "custom"
MORE = "train_more"
"""Whether the part of the form that few need is open."""
FILLED = "_filled"
Stage = Literal["teacher_train", "baseline_train", "distilled_train"]
STAGES: dict[Stage, str] = {
    "teacher_train": "Teacher",
    "baseline_train": "Baseline",
    "distilled_train": "Distilled",
}
FIRST_FIELDS = ("epochs", "batch_size", "learning_rate", "schedule")
LABELS = {
    "learning_rate": "Learning rate (peak)",
    "jitter": "Jitter (px)",
    "early_stopping": "Early stopping (epochs; 0 is off)",
    "max_norm": "Weight norm at most (0 is off)",
    "sgd": "SGD",
}
LISTS = {
    "temperatures": "Temperatures T",
    "lambdas": "Weights of the labels λ",
    "learning_rates": "Learning rates",
}
"""What is typed as several numbers, by its name in a sweep or a search."""
MOST_SAID = 4
"""Complaints that are spelt out."""


def fill(spec: ExperimentSpec) -> None:
    """Put an experiment's settings into the session; to be called before the form is drawn."""
    state = st.session_state
    state["data"], state["scaling"] = spec.data.name, spec.data.scaling
    for role, model in (("teacher", spec.teacher), ("student", spec.student)):
        state[role] = model.name
        if model.net is not None:
            _fill_builder(role, model.net)
    teachers.fill(spec)
    state["objective"] = spec.objective.name
    state["T"], state["lambda"] = spec.objective.temperature, spec.objective.lam
    fill_options(spec.objective)
    state["warm_start"], state["seeds"] = spec.warm_start, len(spec.seeds)
    state[LEFT_OUT] = list(spec.left_out)
    for stage in STAGES:
        for name, value in getattr(spec, stage).model_dump().items():
            state[f"{stage}.{name}"] = 0 if value is None else value


def recipe_picker(caption: str) -> None:
    """Fill the form from a recipe; the caption says which parts of it."""
    with st.popover("From a recipe", icon=":material/menu_book:", width="stretch"):
        st.caption(caption)
        for name in recipe_names():
            recipe = get_recipe(name)
            st.button(
                recipe.title,
                key=f"recipe_{name}",
                help=recipe.summary,
                on_click=fill,
                args=(recipe.spec,),
                width="stretch",
            )


def begin() -> None:
    """Start from the quick recipe; what the URL says wins over it."""
    if FILLED not in st.session_state:
        fill(get_recipe("quick").spec)
        st.session_state[FILLED] = True
    nets = (*model_names(), CUSTOM)
    adopt("data", one_of(dataset_names()))
    adopt("teacher", one_of(nets))
    adopt("student", one_of(nets))
    adopt("objective", one_of(taught()))
    adopt("T", number_within(0.5, 50.0))
    adopt("lambda", number_within(0.0, 1.0))
    adopt_options()


def data_form() -> DataSpec:
    """Which images, and how their pixels are scaled."""
    name = st.selectbox(
        "Data",
        dataset_names(),
        key="data",
        persist_state="session",
        format_func=lambda name: get_dataset(name).info.title,
    )
    publish("data")
    return DataSpec(name=name, scaling=st.session_state.get("scaling", "unit"))


def net_form(role: Literal["teacher", "student"], title: str) -> ModelSpec:
    """A preset, or a net built from widths."""
    names = (*model_names(), CUSTOM)
    name = st.selectbox(
        title,
        names,
        key=role,
        persist_state="session",
        format_func=_net_title,
    )
    publish(role)
    if name != CUSTOM:
        return ModelSpec(name=name)
    with st.container(border=True):
        return ModelSpec(name=CUSTOM, net=_builder(role))


def repeat_form() -> tuple[int, bool]:
    """How many seeds, and whether the distilled stage goes on from the baseline."""
    left, right = st.columns(2, vertical_alignment="bottom")
    seeds = left.number_input(
        "Seeds",
        1,
        20,
        key="seeds",
        persist_state="session",
        help="Each seed trains all three nets anew; from two on, results carry an interval.",
    )
    warm_start = right.toggle(
        "Go on from the baseline",
        key="warm_start",
        persist_state="session",
        help="The distilled stage goes on from the trained baseline (Wu 2020).",
    )
    return int(seeds), bool(warm_start)


def name_form() -> str:
    """The name that the person gave, empty where they leave it to the app."""
    given: str = st.text_input(
        "Name",
        key="name",
        placeholder="made from the settings",
        max_chars=80,
        persist_state="session",
    )
    return given.strip()


def as_they_stand() -> tuple[str, int, bool, dict[Stage, dict[str, Any]]]:
    """Name, seeds, warm start and schedules while their controls are not drawn."""
    state = st.session_state
    trains = {
        stage: _off({name: state[f"{stage}.{name}"] for name in TrainSpec.model_fields})
        for stage in STAGES
    }
    return state.get("name", "").strip(), int(state["seeds"]), bool(state["warm_start"]), trains


def suggested_name(spec: ExperimentSpec) -> str:
    """A name that says what the experiment is."""
    objective = get_objective(spec.objective.name)
    further = f" and {len(spec.more_teachers)} more" if spec.more_teachers else ""
    teachers = f" from {spec.teacher.name}{further}" if objective.needs_teacher else ""
    parts = [f"{spec.student.name}{teachers}", spec.data.name, objective.name]
    parts += [f"{name} {value}" for name, value in objective.told(spec.objective)]
    if spec.left_out:
        parts.append(left_out_words(spec))
    return ", ".join(parts)[:80]


def train_forms(stages: Mapping[Stage, str] = STAGES) -> dict[Stage, dict[str, Any]]:
    """One schedule a stage, in tabs, as typed: not yet checked.

    Args:
        stages: titles of those that are asked for.
    """
    specs: dict[Stage, dict[str, Any]] = {}
    for tab, (stage, title) in zip(st.tabs(list(stages.values())), stages.items(), strict=True):
        with tab:
            specs[stage] = _train_form(stage, title)
    return specs


def _train_form(stage: Stage, title: str) -> dict[str, Any]:
    names = list(TrainSpec.model_fields)
    values = {}
    columns = st.columns(2)
    for place, name in enumerate(FIRST_FIELDS):
        with columns[place % 2]:
            values[name] = control(TrainSpec, name, stage)
    with st.expander(f"More for the {title.lower()} stage"):
        columns = st.columns(2)
        for place, name in enumerate(name for name in names if name not in FIRST_FIELDS):
            with columns[place % 2]:
                values[name] = control(TrainSpec, name, stage)
    return _off(values)


def read(kind: type[AnySpec], values: dict[str, Any]) -> AnySpec:
    """What was typed as a spec; complaints call fields as the form does.

    Raises:
        UserError: a sentence on each field that is wrong.
    """
    try:
        return parse_spec(kind, values)
    except SpecError as error:
        first: dict[tuple[str, ...], Fault] = {}
        for fault in error.faults:
            first.setdefault(_control(fault), fault)
        said = [in_form_words(fault) for fault in first.values()]
        more = len(said) - MOST_SAID
        rest = [f"{more} more {'is' if more == 1 else 'are'} wrong."] if more > 0 else []
        raise UserError(" ".join([*said[:MOST_SAID], *rest])) from error


def _control(fault: Fault) -> tuple[str, ...]:
    """What a fault is told by: of the values of a list, and the types a value may have, the first.

    >>> _control(Fault("base.temperatures.3", "")), _control(Fault("objective.options.w.int", ""))
    (('temperatures',), ('objective', 'options', 'w'))
    """
    parts = takewhile(lambda part: not part.isdecimal(), _place(fault).split("."))
    return tuple(parts)[:3]


def _place(fault: Fault) -> str:
    return fault.place.removeprefix("base.")


def in_form_words(fault: Fault) -> str:
    """A complaint; of a list, or a field of a schedule, by the titles of its tab and control.

    >>> in_form_words(Fault("teacher_train.epochs", ": should be greater than 0 (given: 0)."))
    'Teacher, Epochs: should be greater than 0 (given: 0).'
    >>> in_form_words(Fault("base.distilled_train.jitter", ": should be less than 5 (given: 9)."))
    'Distilled, Jitter (px): should be less than 5 (given: 9).'
    >>> in_form_words(Fault("temperatures.1", ": a temperature must be above 0 (given: 0)."))
    'Temperatures T: a temperature must be above 0 (given: 0).'
    >>> in_form_words(Fault("name", ": is too long."))
    'name: is too long.'
    """
    place = _place(fault)
    if place.partition(".")[0] in LISTS:
        return f"{LISTS[place.partition('.')[0]]}{fault.words}"
    stage, _, field = place.rpartition(".")
    if stage not in STAGES:
        return str(fault)
    return f"{STAGES[stage]}, {_label(field)}{fault.words}"


def _label(field: str) -> str:
    return LABELS.get(field, field.replace("_", " ").capitalize())


def _off(values: dict[str, Any]) -> dict[str, Any]:
    """The same values, with None for what a person puts to 0 to have it off."""
    return values | {name: values[name] or None for name in ("early_stopping", "max_norm")}


def control(kind: type[BaseModel], name: str, prefix: str) -> Any:
    """The control for one field of a spec."""
    field = kind.model_fields[name]
    label = _label(name)
    key, help_text = f"{prefix}.{name}", field.description
    choices = _choices(field.annotation)
    if choices:
        return st.selectbox(label, choices, key=key, help=help_text, persist_state="session")
    if field.annotation in (int, int | None):
        return st.number_input(
            label,
            min_value=0,
            max_value=100_000,
            step=1,
            key=key,
            help=help_text,
            persist_state="session",
        )
    return st.number_input(
        label,
        min_value=0.0,
        step=None,
        format="%.6g",
        key=key,
        help=help_text,
        persist_state="session",
    )


def _choices(annotation: Any) -> tuple[str, ...]:
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _builder(role: str) -> NetConfig:
    """Widths layer by layer, activation, dropout, batch norm."""
    state = st.session_state
    state.setdefault(f"{role}.convs", 2 if role == "teacher" else 0)
    state.setdefault(f"{role}.denses", 1)
    left, right = st.columns(2)
    convs = left.number_input("Convolution blocks", 0, 6, key=f"{role}.convs")
    denses = right.number_input("Hidden dense layers", 0, 4, key=f"{role}.denses")
    conv = _widths(role, "conv", int(convs), "Channels", (32, 64, 64, 128, 128, 256))
    dense = _widths(role, "dense", int(denses), "Units", (64, 64, 64, 64))
    left, right = st.columns(2)
    activation = left.selectbox("Activation", ("relu", "sigmoid", "gelu"), key=f"{role}.activation")
    dropout = right.slider("Dropout", 0.0, 0.9, step=0.05, key=f"{role}.dropout")
    batch_norm = st.toggle("Batch norm", key=f"{role}.batch_norm")
    return NetConfig(
        conv=conv, dense=dense, activation=activation, dropout=dropout, batch_norm=batch_norm
    )


def _widths(
    role: str, kind: str, count: int, label: str, defaults: Sequence[int]
) -> tuple[int, ...]:
    widths = []
    for place in range(count):
        key = f"{role}.{kind}.{place}"
        st.session_state.setdefault(key, defaults[place])
        options = with_value(WIDTHS, st.session_state[key])
        widths.append(int(st.select_slider(f"{label} {place + 1}", options, key=key)))
    return tuple(widths)


def _fill_builder(role: str, net: NetConfig) -> None:
    state = st.session_state
    state[f"{role}.convs"], state[f"{role}.denses"] = len(net.conv), len(net.dense)
    for kind in ("conv", "dense"):
        for place, width in enumerate(getattr(net, kind)):
            state[f"{role}.{kind}.{place}"] = width
    for name in ("activation", "dropout", "batch_norm"):
        state[f"{role}.{name}"] = getattr(net, name)


def _net_title(name: str) -> str:
    return "Build your own" if name == CUSTOM else get_preset(name).title
