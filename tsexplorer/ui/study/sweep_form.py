"""What to sweep over: data, nets, the grid; what it comes to; and the start button."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import streamlit as st

from tsexplorer.analysis.formatting import counted, duration
from tsexplorer.errors import UserError
from tsexplorer.objectives.base import format_number
from tsexplorer.services.service import Service
from tsexplorer.specs import shorten
from tsexplorer.studies.sweep.spec import SweepSpec
from tsexplorer.ui import forms, teachers
from tsexplorer.ui.app_state import sentences
from tsexplorer.ui.controls import control
from tsexplorer.ui.downloads import download_panel
from tsexplorer.ui.net_form import compare_nets, nets_form
from tsexplorer.ui.objective_form import grid_objective, pair
from tsexplorer.ui.theme import escaped, go_button
from tsexplorer.ui.url_state import SWEEP

FIRST = {"temperatures": "1, 2, 4, 8, 16", "lambdas": "0, 0.25, 0.5, 0.75, 1", "rates": ""}
SEEDS = 3
STAGES: dict[forms.Stage, str] = {"distilled_train": "Students", "teacher_train": "Teacher"}
COST = "sweep.cost"


def fill(spec: SweepSpec) -> None:
    """Put a sweep's settings into the session; to be called before the form is drawn."""
    forms.fill(spec.base)
    state = st.session_state
    values = {
        "temperatures": spec.temperatures,
        "lambdas": spec.lambdas,
        "rates": spec.learning_rates,
    }
    for name, axis in values.items():
        state[f"sweep.{name}"] = ", ".join(map(format_number, axis))
    forms.fill_seeds("sweep.seeds", spec.seeds)
    state["sweep.teachers"] = spec.teachers
    state["sweep.objective"] = spec.base.objective.name


def form(service: Service) -> None:
    """Draw the form, what it comes to, and the button that starts it."""
    for name, values in FIRST.items():
        st.session_state.setdefault(f"sweep.{name}", values)
    st.session_state.setdefault("sweep.seeds", SEEDS)
    st.session_state.setdefault("sweep.teachers", "shared")
    first, second = st.columns([3, 2], vertical_alignment="bottom")
    with second:
        forms.recipe_picker("A recipe fills in data, nets and schedules. The grid stays.")
    with first:
        data = forms.data_form()
    available = download_panel(service, data.name)
    teacher, student = nets_form()
    ensemble = teachers.form(data.name, teacher, "sweep.objective")
    objective = grid_objective(pair(data.name, teacher, student))
    temperatures = _values(forms.LISTS["temperatures"], "temperatures", "The columns of the map.")
    lambdas = _values(
        "Weights of the labels λ",
        "lambdas",
        "The rows of the map. 1 is the baseline (labels alone), 0 learns from the teacher alone.",
    )
    seeds = forms.seeds_form(
        "sweep.seeds",
        "Students of each cell. Intervals are over seeds; with one, they are over images.",
    )
    button = st.container()
    nets = st.container()  # below: the button is to be seen without scrolling
    with st.expander("Learning rates, schedule, cluster and name", icon=":material/tune:"):
        rates = _values(
            "Learning rates",
            "rates",
            "Each makes a map of its own; none given: that of the schedule below.",
            "that of the schedule",
        )
        warm_start, trains = forms.warm_forms(STAGES)
        left, right = st.columns(2)
        with left:
            shared = control(SweepSpec, "teachers", "sweep")
        with right:
            forms.scaling_form()
        cluster = _cluster(service)
        name = st.text_input(
            "Name",
            key="sweep.name",
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
        axes = {"temperatures": temperatures, "lambdas": lambdas, "learning_rates": rates}
        grid = {
            "base": base,
            **forms.each(
                {name: partial(numbers, forms.LISTS[name], text) for name, text in axes.items()}
            ),
            "seeds": seeds,
            "teachers": shared,
        }
        spec = forms.read(SweepSpec, grid)
        service.sweeps.place(cluster)
        _start(service, spec, name, cluster, available)


def numbers(label: str, text: str) -> tuple[float, ...]:
    """Values as typed, as numbers in ascending order.

    >>> numbers("T", "4, 1 2.5")
    (1.0, 2.5, 4.0)

    Raises:
        UserError: one of them is no number.
    """
    found = []
    for part in filter(None, re.split(r"[,;\s]+", text)):
        try:
            found.append(float(part))
        except ValueError:
            raise UserError(
                f"{label}: {shorten(part)} is not a number; write numbers with commas between "
                "them, such as 0.5, 4."
            ) from None
    return tuple(sorted(found))


def suggested_name(spec: SweepSpec) -> str:
    """A name that says what the sweep is."""
    base = spec.base
    size = f"{len(spec.temperatures)} T × {len(spec.lambdas)} λ"
    if len(spec.rates) > 1:
        size += f" × {len(spec.rates)} rates"
    return f"{base.student.name} from {base.teacher.name}, {base.data.name}, {size}"[:80]


def _values(label: str, name: str, meaning: str, placeholder: str = "") -> str:
    # No multiselect: with "2" typed, its Enter takes all values that have a 2 in them.
    text: str = st.text_input(
        label,
        key=f"sweep.{name}",
        placeholder=placeholder,
        max_chars=2000,
        persist_state="session",
        help=f"{meaning} Numbers with commas between them.",
    )
    return text


def _cluster(service: Service) -> str:
    """Address of the cluster that trains the students, empty for this machine."""
    if not service.sweeps.clusters:
        return ""
    st.session_state.setdefault("sweep.cluster", service.settings.cluster or "")
    address: str = st.text_input(
        "Cluster",
        key="sweep.cluster",
        placeholder="none: on this machine",
        max_chars=200,
        persist_state="session",
        help="Address of a Dask scheduler, tcp://HOST:PORT: its workers train the students, many "
        "chunks at once. The teacher trains here. Name clusters that you trust: what they send "
        "may run code here.",
    )
    return address


def _start(service: Service, spec: SweepSpec, name: str, cluster: str, available: bool) -> None:
    """What the sweep comes to, how long it takes if asked, and the button."""
    check = service.sweeps.check(spec)
    for remark in check.remarks:
        st.info(remark, icon=":material/info:")
    todo = check.students - check.trained + check.teachers_left
    name = name or service.sweeps.free_name(spec, suggested_name(spec))
    label = "Train the map" if todo else "Show: all is trained"
    if go_button(label, "sweep_start", held=bool(todo) and not available):
        st.query_params[SWEEP] = service.sweeps.start(spec, name, cluster).id
        st.rerun()
    students = f"**{counted(check.students)} students**"
    already = f", {check.trained} of them trained already" if check.trained else ""
    first = ""
    if check.teachers_left:
        first = f" {check.teachers_left} other net{'s' * (check.teachers_left > 1)} first."
    seeds = f"{len(spec.seeds)} seed{'s' * (len(spec.seeds) > 1)}"
    st.markdown(f"{check.cells} cells, {seeds}: {students}{already}.{first}")
    once = " λ = 1 is the baseline, whatever T: trained once a seed." if 1 in spec.lambdas else ""
    if not spec.baseline_in_grid:
        once = " The baseline is trained besides."
    st.caption(escaped(f"{check.rule} {check.memory}{once}"))
    if todo and available:
        _cost(service, spec)


def _cost(service: Service, spec: SweepSpec) -> None:
    """How long it will take, measured when asked: that takes a few seconds itself."""
    asked = spec.to_json()
    if st.button("How long will it take?", key="sweep_cost", icon=":material/timer:"):
        with st.spinner("Measuring a few steps on this machine"):
            st.session_state[COST] = (asked, service.sweeps.cost(spec))
    known, seconds = st.session_state.get(COST, (None, None))
    if known == asked:
        st.markdown(
            f"About **{duration(seconds)}** on this machine, if nothing else wants it; shorter "
            "where early stopping comes in."
        )
