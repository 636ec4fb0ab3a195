"""What to search: data, nets, ranges, how much; what it comes to; and the start button."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from tsexplorer.analysis.formatting import counted
from tsexplorer.errors import UserError
from tsexplorer.services.service import Service
from tsexplorer.studies.tuning.spec import TuneSpec
from tsexplorer.ui import forms, teachers
from tsexplorer.ui.app_state import sentences
from tsexplorer.ui.downloads import download_panel
from tsexplorer.ui.net_form import compare_nets, nets_form
from tsexplorer.ui.objective_form import grid_objective, pair
from tsexplorer.ui.study.sweep_form import STAGES, numbers
from tsexplorer.ui.theme import escaped, go_button
from tsexplorer.ui.url_state import TUNING

FIRST: dict[str, Any] = {
    "temperatures": "0.5, 32",
    "lambdas": "0, 1",
    "rates": "",
    "trials": 32,
    "per_round": 8,
    "seeds": 3,
    "repeats": 4,
    "baselines": 4,
    "search_seeds": 1,
    "prune": True,
    "sampler_seed": 0,
}
RANGES = {
    "temperatures": ("Temperature T from, to", "Searched by its logarithm.", ""),
    "lambdas": (
        "Weight of the labels λ from, to",
        "1 is the baseline (labels alone), 0 learns from the teacher alone.",
        "",
    ),
    "rates": (
        "Learning rate from, to",
        "Searched by its logarithm.",
        "a tenth to ten times that of the schedule",
    ),
}
COUNTS = {
    "trials": ("Trials", "Settings that are tried."),
    "seeds": (
        "Seeds of the repeats",
        "The best settings are repeated on seeds that the search never saw: the figures of the "
        "suggestion are of these, and with two or more it has an interval over seeds.",
    ),
    "per_round": (
        "Trials a round",
        "Asked for at once, and trained together where the net allows it. Fewer are searched "
        "better, more are trained faster.",
    ),
    "repeats": ("Settings repeated", "The best so many of the search."),
    "baselines": (
        "Baseline rates",
        "The baseline is tuned, too: it is tried at so many learning rates.",
    ),
    "search_seeds": ("Seeds of each trial", "More make the search slower and surer."),
    "sampler_seed": ("Search seed", "Of the search’s own chance."),
}


def form(service: Service) -> None:
    """Draw the form, what it comes to, and the button that starts it."""
    for name, value in FIRST.items():
        st.session_state.setdefault(f"tune.{name}", value)
    first, second = st.columns([3, 2], vertical_alignment="bottom")
    with second:
        forms.recipe_picker("A recipe fills in data, nets and schedules. The ranges stay.")
    with first:
        data = forms.data_form()
    available = download_panel(service, data.name)
    teacher, student = nets_form()
    ensemble = teachers.form(data.name, teacher, "sweep.objective")
    objective = grid_objective(pair(data.name, teacher, student))
    ranges = {name: _range(name) for name in RANGES}
    first, second = st.columns(2)
    values: dict[str, Any] = {}
    with first:
        values["trials"] = _count("trials")
    with second:
        values["seeds"] = _count("seeds")
    button = st.container()
    nets = st.container()  # below: the button is to be seen without scrolling
    with st.expander("Search, schedule and name", icon=":material/tune:"):
        values |= _more()
        warm_start, trains = forms.warm_forms(STAGES)
        forms.scaling_form()
        name = st.text_input(
            "Name",
            key="tune.name",
            placeholder="made from the settings",
            max_chars=80,
            persist_state="session",
        ).strip()
    with nets, sentences():
        compare_nets(data.name, teacher, student, several=bool(ensemble))
    with button, sentences():
        base: dict[Any, Any] = {
            "data": data,
            "teacher": teacher,
            "student": student,
            "objective": objective,
            "warm_start": warm_start,
            **ensemble,
            **trains,
        }
        values["base"] = base
        typed = {"temperatures": "temperatures", "lambdas": "lambdas"}
        if ranges["rates"].strip():
            typed["learning_rates"] = "rates"
        values |= forms.each(
            {name: partial(ends, RANGES[one][0], ranges[one]) for name, one in typed.items()}
        )
        titles = {one: COUNTS[one][0] for one in COUNTS}
        _start(service, forms.read(TuneSpec, values, titles), name, available)


def ends(label: str, text: str) -> tuple[float, float]:
    """Both ends of a range as typed; one number alone is fixed.

    >>> ends("T", "8, 0.5"), ends("T", "4")
    ((0.5, 8.0), (4.0, 4.0))

    Raises:
        UserError: one is no number, or there are none, or more than two.
    """
    found = numbers(label, text)
    if len(found) not in (1, 2):
        raise UserError(
            f"{label}: write the lower and the upper end, such as 1, 8, or one number to keep it "
            "fixed."
        )
    return found[0], found[-1]


def suggested_name(spec: TuneSpec) -> str:
    """A name that says what the tuning is."""
    base = spec.base
    return f"{base.student.name} from {base.teacher.name}, {base.data.name}, tuned"[:80]


def _range(name: str) -> str:
    label, meaning, placeholder = RANGES[name]
    text: str = st.text_input(
        label,
        key=f"tune.{name}",
        placeholder=placeholder,
        max_chars=200,
        persist_state="session",
        help=f"{meaning} Both ends with a comma between them; one number alone keeps it fixed.",
    )
    return text


def _count(name: str) -> int:
    label, meaning = COUNTS[name]
    return int(
        st.number_input(label, step=1, key=f"tune.{name}", persist_state="session", help=meaning)
    )


def _more() -> dict[str, Any]:
    """How the search goes about it."""
    values: dict[str, Any] = {}
    columns = st.columns(2)
    for place, name in enumerate(name for name in COUNTS if name not in ("trials", "seeds")):
        with columns[place % 2]:
            values[name] = _count(name)
    values["prune"] = st.toggle(
        "Give up trials on their way",
        key="tune.prune",
        persist_state="session",
        help="At a third and at two thirds of its epochs a trial is given up if it has never been "
        "as good as the median of those that came to their end.",
    )
    return values


def _start(service: Service, spec: TuneSpec, name: str, available: bool) -> None:
    """What the tuning comes to, and the button."""
    check = service.tuning.check(spec)
    for remark in check.remarks:
        st.info(remark, icon=":material/info:")
    name = name or service.tuning.free_name(spec, suggested_name(spec))
    if go_button("Search", "tune_start", held=not available):
        st.query_params[TUNING] = service.tuning.start(spec, name).id
        st.rerun()
    first = ""
    if check.teachers_left:
        first = f" {check.teachers_left} other net{'s' * (check.teachers_left > 1)} first."
    rounds = f"{check.rounds} round{'s' * (check.rounds > 1)}"
    st.markdown(
        f"{check.trials} trials in {rounds}: **{counted(check.students)} students** at most, "
        f"baselines and repeats among them.{first}"
    )
    st.caption(escaped(f"{check.rule} {check.memory}"))
