"""Forms that follow from specs: the type of a field gives its control, its description the help.

Values live in the session under ``<prefix>.<field>``. :func:`fill` puts an experiment into the
session; the ``*_form`` functions draw controls and return their values; the ``stored_*`` functions
return the values of controls that are not drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import takewhile
from typing import Any, Literal

import streamlit as st

from tsexplorer.data.registry import dataset_names, get_dataset
from tsexplorer.data.subsets import describe_excluded_classes, describe_label_share
from tsexplorer.errors import Fault, SpecError, UserError
from tsexplorer.models import model_names
from tsexplorer.objectives import get_objective
from tsexplorer.recipes import get_recipe, recipe_names
from tsexplorer.specs import AnySpec, DataSpec, ExperimentSpec, Scaling, TrainSpec, parse_spec
from tsexplorer.ui import net_form
from tsexplorer.ui.objective_form import (
    distillation_objectives,
    fill_options,
    read_options_from_url,
)
from tsexplorer.ui.teachers import fill_further_teachers
from tsexplorer.ui.url_state import number_within, one_of, read_parameter, write_parameter
from tsexplorer.ui.widgets import field_label, field_widget

MORE_OPEN = "train_more"
"""Session key: whether the rarely used part of the form on Train is open."""
FILLED = "_filled"
"""Session key: whether the form has been filled once."""
EXCLUDED_CLASSES = "left_out"
"""Session key of the classes that are excluded from the transfer set."""
LABEL_PERCENT = "label_percent"
Stage = Literal["teacher_train", "baseline_train", "distilled_train"]
STAGE_TITLES: dict[Stage, str] = {
    "teacher_train": "Teacher",
    "baseline_train": "Baseline",
    "distilled_train": "Distilled",
}
SCALINGS: dict[Scaling, str] = {
    "unit": "0 to 1",
    "standard": "mean 0, standard deviation 1",
    "raw": "0 to 255",
}
FIRST_FIELDS = ("epochs", "batch_size", "learning_rate", "schedule")
LIST_TITLES = {
    "temperatures": "Temperatures T",
    "lambdas": "Weights of the labels λ",
    "learning_rates": "Learning rates",
}
"""Titles of the fields that hold several numbers, in a sweep or a search."""
FIELD_TITLES = LIST_TITLES | {"seeds": "Seeds", "label_share": "Share of the labels"}
MAX_SEEDS = 100
"""Largest number of seeds that a spec accepts."""
MAX_ERRORS = 4
"""Errors that are shown; further ones are counted."""


# -- the session ------------------------------------------------------------------------------


def initialise_form() -> None:
    """Fill the form with the quick recipe at the first visit, then read the URL."""
    if FILLED not in st.session_state:
        fill(get_recipe("quick").spec)
        st.session_state[FILLED] = True
    nets = (*model_names(), net_form.CUSTOM)
    read_parameter("data", one_of(dataset_names()))
    read_parameter("teacher", one_of(nets))
    read_parameter("student", one_of(nets))
    read_parameter("objective", one_of(distillation_objectives()))
    read_parameter("T", number_within(0.5, 50.0))
    read_parameter("lambda", number_within(0.0, 1.0))
    read_options_from_url()


def fill(spec: ExperimentSpec) -> None:
    """Put an experiment's settings into the session; call it before the form is drawn."""
    state = st.session_state
    state["data"], state["scaling"] = spec.data.name, spec.data.scaling
    for role, model in (("teacher", spec.teacher), ("student", spec.student)):
        net_form.fill(role, model)
    fill_further_teachers(spec)
    state["objective"] = spec.objective.name
    state["T"], state["lambda"] = spec.objective.temperature, spec.objective.lam
    fill_options(spec.objective)
    state["warm_start"] = spec.warm_start
    fill_seeds("seeds", spec.seeds)
    state[EXCLUDED_CLASSES] = list(spec.left_out)
    state[LABEL_PERCENT] = 100 * spec.label_share
    for stage in STAGE_TITLES:
        for name, value in getattr(spec, stage).model_dump().items():
            state[f"{stage}.{name}"] = 0 if value is None else value


def fill_seeds(key: str, seeds: tuple[int, ...]) -> None:
    """Put seeds into the session: their number under ``key``, their values beside it."""
    st.session_state[key], st.session_state[f"{key}.filled"] = len(seeds), seeds


def stored_seeds(key: str) -> tuple[int, ...]:
    """Return the seeds that were filled in; if their number was changed, the seeds from 0 on."""
    number = int(st.session_state[key])
    filled: tuple[int, ...] = st.session_state.get(f"{key}.filled", ())
    # One seed too many is enough for the spec to reject any larger number.
    return filled if len(filled) == number else tuple(range(min(number, MAX_SEEDS + 1)))


def stored_excluded_classes(dataset: str) -> tuple[int, ...]:
    """Return the labels that are excluded from the transfer set, without those of other data."""
    classes = len(get_dataset(dataset).info.classes)
    return tuple(label for label in st.session_state.get(EXCLUDED_CLASSES, ()) if label < classes)


def stored_settings() -> tuple[str, tuple[int, ...], bool, dict[Stage, dict[str, Any]]]:
    """Return name, seeds, warm start and schedules while their controls are not drawn."""
    state = st.session_state
    schedules = {
        stage: _zeros_to_none({name: state[f"{stage}.{name}"] for name in TrainSpec.model_fields})
        for stage in STAGE_TITLES
    }
    name = state.get("name", "").strip()
    return name, stored_seeds("seeds"), bool(state["warm_start"]), schedules


# -- controls ---------------------------------------------------------------------------------


def recipe_picker(caption: str) -> None:
    """Draw a menu of recipes that fill the form.

    Args:
        caption: says which parts of the form a recipe fills.
    """
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


def data_form() -> DataSpec:
    """Draw the choice of a dataset; return it with the stored pixel scaling."""
    dataset = st.selectbox(
        "Data",
        dataset_names(),
        key="data",
        persist_state="session",
        format_func=lambda name: get_dataset(name).info.title,
    )
    write_parameter("data")
    scaling: Scaling = st.session_state["scaling"]
    if scaling != "unit":
        st.caption(f"Pixels: {SCALINGS[scaling]}")
    return DataSpec(name=dataset, scaling=scaling)


def scaling_form() -> None:
    """Draw the choice of a pixel scaling, which :func:`data_form` returns."""
    st.selectbox(
        "Pixels",
        SCALINGS,
        key="scaling",
        persist_state="session",
        format_func=SCALINGS.__getitem__,
        help=DataSpec.model_fields["scaling"].description,
    )


def seeds_form(key: str, help_text: str) -> tuple[int, ...]:
    """Draw the number of seeds; return the seeds."""
    st.number_input("Seeds", step=1, key=key, persist_state="session", help=help_text)
    if (seeds := stored_seeds(key)) != tuple(range(len(seeds))):
        st.caption(f"Seeds {', '.join(map(str, seeds))}; a different number starts at seed 0.")
    return seeds


def seeds_and_warm_start_form() -> tuple[tuple[int, ...], bool]:
    """Draw the controls of seeds and warm start; return both."""
    left, right = st.columns(2, vertical_alignment="bottom")
    with left:
        seeds = seeds_form(
            "seeds",
            "Each seed trains all nets once; with two or more, results have an interval.",
        )
    with right:
        return seeds, warm_start_form()


def warm_start_form() -> bool:
    """Draw the switch of the warm start; return its value."""
    return st.toggle(
        "Start from the baseline",
        key="warm_start",
        persist_state="session",
        help="The distilled student starts from the weights of the trained baseline (Wu 2020).",
    )


def name_form() -> str:
    """Draw the field of the name; return it, empty for a name made from the settings."""
    name: str = st.text_input(
        "Name",
        key="name",
        placeholder="made from the settings",
        max_chars=80,
        persist_state="session",
    )
    return name.strip()


def excluded_classes_form(dataset: str) -> tuple[int, ...]:
    """Draw the choice of classes that are excluded from the transfer set; return their labels."""
    names = get_dataset(dataset).info.classes
    labels = list(stored_excluded_classes(dataset))
    if st.session_state.get(EXCLUDED_CLASSES) != labels:
        st.session_state[EXCLUDED_CLASSES] = labels
    chosen: list[int] = st.multiselect(
        "Leave classes out of the transfer set",
        range(len(names)),
        key=EXCLUDED_CLASSES,
        persist_state="session",
        format_func=names.__getitem__,
        placeholder="none",
        help="The distilled student is trained on images of the other classes only; it learns "
        "about these classes from the teacher’s soft targets. Teacher and baseline are trained on "
        "all classes.",
    )
    return tuple(chosen)


def label_share_form() -> float:
    """Draw the share of the labels that baseline and student get; return it, not yet checked."""
    st.number_input(
        "Labels for baseline and student (%)",
        key=LABEL_PERCENT,
        step=1.0,
        format="%.4g",
        persist_state="session",
        help="The same share of each class, chosen by the seed. The teacher has all labels, and "
        "its soft targets teach the student on all images.",
    )
    return stored_label_share()


def stored_label_share() -> float:
    """Return the share of the labels while its control is not drawn."""
    return float(st.session_state[LABEL_PERCENT]) / 100


def schedules_form(stages: Mapping[Stage, str] = STAGE_TITLES) -> dict[Stage, dict[str, Any]]:
    """Draw a tab with a schedule for each stage; return the values, not yet checked.

    Args:
        stages: titles of the stages.
    """
    schedules: dict[Stage, dict[str, Any]] = {}
    for tab, (stage, title) in zip(st.tabs(list(stages.values())), stages.items(), strict=True):
        with tab:
            schedules[stage] = _schedule_form(stage, title)
    return schedules


def warm_start_and_schedules_form(
    stages: Mapping[Stage, str],
) -> tuple[bool, dict[Stage, dict[str, Any]]]:
    """Draw warm start and schedules; with a warm start, the baseline has a schedule too."""
    if not warm_start_form():
        return False, schedules_form(stages)
    return True, schedules_form({**stages, "baseline_train": STAGE_TITLES["baseline_train"]})


def _schedule_form(stage: Stage, title: str) -> dict[str, Any]:
    values = _fields_form(FIRST_FIELDS, stage)
    with st.expander(f"More for the {title.lower()} stage"):
        others = tuple(name for name in TrainSpec.model_fields if name not in FIRST_FIELDS)
        values |= _fields_form(others, stage)
    return _zeros_to_none(values)


def _fields_form(names: tuple[str, ...], stage: Stage) -> dict[str, Any]:
    columns = st.columns(2)
    values = {}
    for index, name in enumerate(names):
        with columns[index % 2]:
            values[name] = field_widget(TrainSpec, name, stage)
    return values


def _zeros_to_none(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values with None for a field that 0 switches off."""
    return values | {name: values[name] or None for name in ("early_stopping", "max_norm")}


# -- from values to specs ---------------------------------------------------------------------


def suggested_name(spec: ExperimentSpec) -> str:
    """Return a name made from an experiment's settings."""
    objective = get_objective(spec.objective.name)
    further = f" and {len(spec.more_teachers)} more" if spec.more_teachers else ""
    teachers = f" from {spec.teacher.name}{further}" if objective.needs_teacher else ""
    parts = [f"{spec.student.name}{teachers}", spec.data.name, objective.name]
    parts += [f"{name} {value}" for name, value in objective.parameters(spec.objective)]
    if spec.left_out:
        parts.append(describe_excluded_classes(spec))
    if spec.label_share < 1:
        parts.append(describe_label_share(spec))
    return ", ".join(parts)[:80]


def parse_fields(parsers: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """Parse several fields one by one.

    Raises:
        UserError: a sentence for each field that is wrong.
    """
    values, errors = {}, []
    for name, parser in parsers.items():
        try:
            values[name] = parser()
        except UserError as error:
            errors.append(str(error))
    if errors:
        raise UserError(" ".join(errors))
    return values


def read_spec(
    spec_type: type[AnySpec], values: dict[str, Any], titles: Mapping[str, str] | None = None
) -> AnySpec:
    """Make a spec of the values of a form; errors call the fields as the form does.

    Args:
        spec_type: class of the spec.
        values: not yet checked.
        titles: of fields that only this form has.

    Raises:
        UserError: a sentence for each field that is wrong.
    """
    try:
        return parse_spec(spec_type, values)
    except SpecError as error:
        first_faults: dict[tuple[str, ...], Fault] = {}
        for fault in error.faults:
            first_faults.setdefault(_control(fault), fault)
        errors = [describe_fault(fault, titles) for fault in first_faults.values()]
        more = len(errors) - MAX_ERRORS
        rest = [f"{more} more {'is' if more == 1 else 'are'} wrong."] if more > 0 else []
        raise UserError(" ".join([*errors[:MAX_ERRORS], *rest])) from error


def describe_fault(fault: Fault, titles: Mapping[str, str] | None = None) -> str:
    """Return the sentence of a fault, which calls the field by the titles of its tab and control.

    >>> describe_fault(Fault("teacher_train.epochs", ": should be greater than 0 (given: 0)."))
    'Teacher, Epochs: should be greater than 0 (given: 0).'
    >>> describe_fault(Fault("base.distilled_train.jitter", ": should be less than 5 (given: 9)."))
    'Distilled, Jitter (px): should be less than 5 (given: 9).'
    >>> describe_fault(Fault("temperatures.1", ": a temperature must be above 0 (given: 0)."))
    'Temperatures T: a temperature must be above 0 (given: 0).'
    >>> describe_fault(Fault("name", ": is too long."))
    'name: is too long.'
    """
    path = _field_path(fault)
    title = (FIELD_TITLES | dict(titles or {})).get(path.partition(".")[0])
    if title is not None:
        return f"{title}{fault.message}"
    stage, _, field = path.rpartition(".")
    if stage not in STAGE_TITLES:
        return str(fault)
    return f"{STAGE_TITLES[stage]}, {field_label(field)}{fault.message}"


def _control(fault: Fault) -> tuple[str, ...]:
    """Return the path of a fault's control: a list, and a value of several types, has only one.

    >>> _control(Fault("base.temperatures.3", "")), _control(Fault("objective.options.w.int", ""))
    (('temperatures',), ('objective', 'options', 'w'))
    """
    parts = takewhile(lambda part: not part.isdecimal(), _field_path(fault).split("."))
    return tuple(parts)[:3]


def _field_path(fault: Fault) -> str:
    return fault.field.removeprefix("base.")
