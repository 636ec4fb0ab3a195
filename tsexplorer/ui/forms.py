"""Forms that follow from specs: a field's type gives the control, its description the help.

Values live in the session under ``<prefix>.<field>``. :func:`fill` puts a whole experiment into
them (a recipe, say); the ``*_form`` functions draw the controls and read them back.

Classes that the distilled student's training images lack: asked for, and said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import takewhile
from typing import Any, Literal

import streamlit as st

from tsexplorer.data.class_subsets import describe_excluded_classes
from tsexplorer.data.registry import dataset_names, get_dataset
from tsexplorer.errors import UserError
from tsexplorer.models import model_names
from tsexplorer.objectives import get_objective
from tsexplorer.recipes import get_recipe, recipe_names
from tsexplorer.specs import (
    AnySpec,
    DataSpec,
    ExperimentSpec,
    Fault,
    Scaling,
    SpecError,
    TrainSpec,
    parse_spec,
)
from tsexplorer.ui import net_form, teachers
from tsexplorer.ui.controls import control, label_of
from tsexplorer.ui.objective_form import adopt_options, fill_options, taught
from tsexplorer.ui.url_state import adopt, number_within, one_of, publish

MORE = "train_more"
"""Whether the part of the form that few need is open."""
FILLED = "_filled"
Stage = Literal["teacher_train", "baseline_train", "distilled_train"]
STAGES: dict[Stage, str] = {
    "teacher_train": "Teacher",
    "baseline_train": "Baseline",
    "distilled_train": "Distilled",
}
SCALINGS: dict[Scaling, str] = {
    "unit": "0 to 1",
    "standard": "mean 0, deviation 1",
    "raw": "0 to 255",
}
FIRST_FIELDS = ("epochs", "batch_size", "learning_rate", "schedule")
LISTS = {
    "temperatures": "Temperatures T",
    "lambdas": "Weights of the labels λ",
    "learning_rates": "Learning rates",
}
"""What is typed as several numbers, by its name in a sweep or a search."""
TITLES = LISTS | {"seeds": "Seeds"}
MOST_SEEDS = 100
"""That a spec may have."""
MOST_SAID = 4
"""Complaints that are spelt out."""


def fill(spec: ExperimentSpec) -> None:
    """Put an experiment's settings into the session; to be called before the form is drawn."""
    state = st.session_state
    state["data"], state["scaling"] = spec.data.name, spec.data.scaling
    for role, model in (("teacher", spec.teacher), ("student", spec.student)):
        net_form.fill(role, model)
    teachers.fill(spec)
    state["objective"] = spec.objective.name
    state["T"], state["lambda"] = spec.objective.temperature, spec.objective.lam
    fill_options(spec.objective)
    state["warm_start"] = spec.warm_start
    fill_seeds("seeds", spec.seeds)
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
    nets = (*model_names(), net_form.CUSTOM)
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
    scaling: Scaling = st.session_state["scaling"]
    if scaling != "unit":
        st.caption(f"Pixels: {SCALINGS[scaling]}")
    return DataSpec(name=name, scaling=scaling)


def scaling_form() -> None:
    """How pixels become net input; :func:`data_form` has the answer."""
    st.selectbox(
        "Pixels",
        SCALINGS,
        key="scaling",
        persist_state="session",
        format_func=SCALINGS.__getitem__,
        help=DataSpec.model_fields["scaling"].description,
    )


def fill_seeds(key: str, seeds: tuple[int, ...]) -> None:
    """Put seeds into the session under ``key``, where their number stands."""
    st.session_state[key], st.session_state[f"{key}.filled"] = len(seeds), seeds


def seeds_form(key: str, help_text: str) -> tuple[int, ...]:
    """How many seeds; which they are."""
    st.number_input("Seeds", step=1, key=key, persist_state="session", help=help_text)
    seeds = seeds_as_they_stand(key)
    if seeds != tuple(range(len(seeds))):
        st.caption(f"Seeds {', '.join(map(str, seeds))}, as filled in; another number: from 0 on.")
    return seeds


def seeds_as_they_stand(key: str) -> tuple[int, ...]:
    """The seeds while their control is not drawn: those filled in, or from 0 on."""
    asked = int(st.session_state[key])
    filled: tuple[int, ...] = st.session_state.get(f"{key}.filled", ())
    # So many that the spec refuses them are as many as it has to see.
    return filled if len(filled) == asked else tuple(range(min(asked, MOST_SEEDS + 1)))


def repeat_form() -> tuple[tuple[int, ...], bool]:
    """Which seeds, and whether the distilled stage goes on from the baseline."""
    left, right = st.columns(2, vertical_alignment="bottom")
    with left:
        seeds = seeds_form(
            "seeds",
            "Each seed trains all three nets anew; from two on, results carry an interval.",
        )
    with right:
        return seeds, warm_start_form()


def warm_start_form() -> bool:
    """Whether the distilled stage goes on from the baseline."""
    return st.toggle(
        "Go on from the baseline",
        key="warm_start",
        persist_state="session",
        help="The distilled stage goes on from the trained baseline (Wu 2020).",
    )


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


def as_they_stand() -> tuple[str, tuple[int, ...], bool, dict[Stage, dict[str, Any]]]:
    """Name, seeds, warm start and schedules while their controls are not drawn."""
    state = st.session_state
    trains = {
        stage: _off({name: state[f"{stage}.{name}"] for name in TrainSpec.model_fields})
        for stage in STAGES
    }
    name = state.get("name", "").strip()
    return name, seeds_as_they_stand("seeds"), bool(state["warm_start"]), trains


def suggested_name(spec: ExperimentSpec) -> str:
    """A name that says what the experiment is."""
    objective = get_objective(spec.objective.name)
    further = f" and {len(spec.more_teachers)} more" if spec.more_teachers else ""
    teachers = f" from {spec.teacher.name}{further}" if objective.needs_teacher else ""
    parts = [f"{spec.student.name}{teachers}", spec.data.name, objective.name]
    parts += [f"{name} {value}" for name, value in objective.parameters(spec.objective)]
    if spec.left_out:
        parts.append(describe_excluded_classes(spec))
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


def warm_forms(stages: Mapping[Stage, str]) -> tuple[bool, dict[Stage, dict[str, Any]]]:
    """Whether students go on from the baseline, and the schedules: then the baseline's, too."""
    warm_start = warm_start_form()
    more: dict[Stage, str] = {"baseline_train": STAGES["baseline_train"]} if warm_start else {}
    return warm_start, train_forms({**stages, **more})


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


def each(readers: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """What was typed into several fields, read one by one.

    Raises:
        UserError: a sentence on each field that is wrong.
    """
    found, wrong = {}, []
    for name, reader in readers.items():
        try:
            found[name] = reader()
        except UserError as error:
            wrong.append(str(error))
    if wrong:
        raise UserError(" ".join(wrong))
    return found


def read(
    kind: type[AnySpec], values: dict[str, Any], titles: Mapping[str, str] | None = None
) -> AnySpec:
    """What was typed as a spec; complaints call fields as the form does.

    Args:
        kind: of spec.
        values: as typed.
        titles: of fields that only this form has.

    Raises:
        UserError: a sentence on each field that is wrong.
    """
    try:
        return parse_spec(kind, values)
    except SpecError as error:
        first: dict[tuple[str, ...], Fault] = {}
        for fault in error.faults:
            first.setdefault(_control(fault), fault)
        said = [in_form_words(fault, titles) for fault in first.values()]
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
    return fault.field.removeprefix("base.")


def in_form_words(fault: Fault, titles: Mapping[str, str] | None = None) -> str:
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
    title = (TITLES | dict(titles or {})).get(place.partition(".")[0])
    if title is not None:
        return f"{title}{fault.message}"
    stage, _, field = place.rpartition(".")
    if stage not in STAGES:
        return str(fault)
    return f"{STAGES[stage]}, {label_of(field)}{fault.message}"


def _off(values: dict[str, Any]) -> dict[str, Any]:
    """The same values, with None for what a person puts to 0 to have it off."""
    return values | {name: values[name] or None for name in ("early_stopping", "max_norm")}


LEFT_OUT = "left_out"


def left_out_form(dataset: str) -> tuple[int, ...]:
    """Ask which classes are left out of the transfer set.

    Args:
        dataset: whose classes; what another dataset's form left behind is forgotten.
    """
    names = get_dataset(dataset).info.classes
    known = list(left_out_as_it_stands(dataset))
    if st.session_state.get(LEFT_OUT) != known:
        st.session_state[LEFT_OUT] = known
    chosen: list[int] = st.multiselect(
        "Leave classes out of the transfer set",
        range(len(names)),
        key=LEFT_OUT,
        persist_state="session",
        format_func=names.__getitem__,
        placeholder="none",
        help="The distilled student is trained on images of the other classes alone: of those "
        "left out it knows what the teacher’s soft targets say. Teacher and baseline see all.",
    )
    return tuple(chosen)


def left_out_as_it_stands(dataset: str) -> tuple[int, ...]:
    """The same while its control is not drawn."""
    classes = len(get_dataset(dataset).info.classes)
    return tuple(label for label in st.session_state.get(LEFT_OUT, ()) if label < classes)
