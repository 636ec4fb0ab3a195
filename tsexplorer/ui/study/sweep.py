"""Maps on the page Tune: the form, and what happens around the view of a map."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from tsexplorer.analysis.formatting import counted, duration
from tsexplorer.errors import UserError
from tsexplorer.objectives.base import format_number
from tsexplorer.services import Service, StudentsCheck, StudyCheck, StudySnapshot, StudyState
from tsexplorer.specs import shorten
from tsexplorer.studies.sweep.spec import SweepSpec
from tsexplorer.ui import forms
from tsexplorer.ui.controls import control
from tsexplorer.ui.study.form import prerequisites_text
from tsexplorer.ui.study.job_bar import BarText
from tsexplorer.ui.study.panel import StudyPanel
from tsexplorer.ui.study.sweep_view import sweep_view
from tsexplorer.ui.url_state import SWEEP

COST = "sweep.cost"


class SweepPanel(StudyPanel[SweepSpec]):
    """Maps over T and λ."""

    name = "sweep"
    label = "Map"
    order = 1
    parameter = SWEEP
    prefix = "sweep"
    spec_type = SweepSpec
    summary = "Train a grid of students to see where T and λ matter, and where they do not."
    introduction = """
Which temperature T, and how much weight λ for the labels? It depends on the task, so the answer is
a map: one student for each T and λ, and for each of a few seeds.

- Small dense nets **train together**, many at once: minutes rather than an hour. Below the form's
  button, the time for a grid on this machine can be measured.
- A cell is a **mean over seeds** with its interval, not one lucky run. Cells that cannot be told
  apart from the best are framed.
- The choice is made **on validation**; the test split is read once, for the cell that was chosen.
- λ = 1 is the **baseline**: the same student on labels alone, tuned as much as the others.

Below, until you train your own: a ready-made map.
"""
    recipe_hint = "A recipe fills in data, nets and schedules. The grid stays."
    more_label = "Learning rates, schedule, cluster and name"
    defaults = {  # noqa: RUF012
        "temperatures": "1, 2, 4, 8, 16",
        "lambdas": "0, 0.25, 0.5, 0.75, 1",
        "rates": "",
        "seeds": 3,
        "teachers": "shared",
    }

    def controls(self) -> dict[str, Any]:
        """Draw the axes of the map and the seeds."""
        temperatures = _values(
            forms.LISTS["temperatures"], "temperatures", "The columns of the map."
        )
        lambdas = _values(
            "Weights of the labels λ",
            "lambdas",
            "The rows of the map. 1 is the baseline (labels alone), 0 learns from the teacher "
            "alone.",
        )
        seeds = forms.seeds_form(
            "sweep.seeds",
            "Students of each cell. Intervals are over seeds; with one, they are over images.",
        )
        return {"temperatures": temperatures, "lambdas": lambdas, "seeds": seeds}

    def more_controls(self, service: Service) -> dict[str, Any]:
        """Draw the learning rates, the teachers and the cluster."""
        rates = _values(
            "Learning rates",
            "rates",
            "Each makes a map of its own; if empty, the rate of the schedule.",
            "that of the schedule",
        )
        teachers = control(SweepSpec, "teachers", "sweep")
        return {"learning_rates": rates, "teachers": teachers, "cluster": _cluster(service)}

    def values(self, typed: Mapping[str, Any]) -> dict[str, Any]:
        """The grid, from what was typed."""
        axes = ("temperatures", "lambdas", "learning_rates")
        parsed = forms.each(
            {name: partial(numbers, forms.LISTS[name], typed[name]) for name in axes}
        )
        return {**parsed, "seeds": typed["seeds"], "teachers": typed["teachers"]}

    def suggested_name(self, spec: SweepSpec) -> str:
        """A name with nets, data and size of the grid."""
        base = spec.base
        size = f"{len(spec.temperatures)} T × {len(spec.lambdas)} λ"
        if len(spec.rates) > 1:
            size += f" × {len(spec.rates)} rates"
        return f"{base.student.name} from {base.teacher.name}, {base.data.name}, {size}"[:80]

    def start_label(self, check: StudyCheck[SweepSpec]) -> str:
        """Train, or show where all is trained."""
        return "Show result (already trained)" if check.complete else "Train the map"

    def describe(self, check: StudyCheck[SweepSpec]) -> tuple[str, str]:
        """Cells, students, what is trained already, and how the students train."""
        assert isinstance(check, StudentsCheck)
        spec, trained = check.spec, check.students_trained
        students = f"**{counted(check.students)} students**"
        reused = f", {trained} of them trained already" if trained else ""
        seeds = f"{len(spec.seeds)} seed{'s' * (len(spec.seeds) > 1)}"
        first = prerequisites_text(check.prerequisites_left)
        line = f"{len(spec.cells)} cells, {seeds}: {students}{reused}.{first}"
        baseline = ""
        if not spec.baseline_in_grid:
            baseline = " The baseline is trained besides."
        elif 1 in spec.lambdas:
            baseline = " λ = 1 is the baseline, whatever T: trained once a seed."
        return line, f"{check.stacking} {check.memory}{baseline}"

    def after_form(self, service: Service, check: StudyCheck[SweepSpec], available: bool) -> None:
        """Offer to measure how long the training takes; measuring takes a few seconds."""
        if check.complete or not available:
            return
        document = check.spec.to_json()
        if st.button("How long will it take?", key="sweep_cost", icon=":material/timer:"):
            with st.spinner("Measuring a few steps on this machine"):
                st.session_state[COST] = (document, service.studies.cost(check.spec))
        measured, seconds = st.session_state.get(COST, (None, None))
        if measured == document:
            st.markdown(
                f"About **{duration(seconds)}** on this machine without other work; shorter with "
                "early stopping."
            )

    def fill(self, spec: SweepSpec) -> None:
        """Put a sweep's settings into the session."""
        fill(spec)

    def view(self, service: Service, state: StudyState) -> None:
        """Draw the map and what follows from it."""
        sweep_view(service, state.results, active=state.active)

    def bar_text(self, state: StudyState) -> BarText:
        """Students done, epoch, time left for the map."""
        results, running = state.results, state.progress.progress
        students, done = len(results.epochs), len(results.done)
        study = results.sweep
        teachers_left = (study.nets - students) - (study.nets_done - done)
        parts = ["the teacher first" if teachers_left else f"{done} of {students} students done"]
        if running is None:
            return BarText(done / max(students, 1), parts, "")
        epoch = f"epoch {max(running.epoch, 1)} of {running.epochs}"
        parts.append(epoch if running.epochs else running.doing)
        return BarText(running.fraction, parts, "for it" if teachers_left else "for the map")

    def stopped_text(self, study: StudySnapshot[SweepSpec]) -> str:
        """How many nets are trained."""
        return f"{study.nets_done} of {study.nets} nets are trained, and stay."


PANEL = SweepPanel()


def fill(spec: SweepSpec) -> None:
    """Put a sweep's settings into the session; call before the form is drawn."""
    forms.fill(spec.base)
    state = st.session_state
    axes = {
        "temperatures": spec.temperatures,
        "lambdas": spec.lambdas,
        "rates": spec.learning_rates,
    }
    for name, values in axes.items():
        state[f"sweep.{name}"] = ", ".join(map(format_number, values))
    forms.fill_seeds("sweep.seeds", spec.seeds)
    state["sweep.teachers"] = spec.teachers
    state["sweep.objective"] = spec.base.objective.name


def numbers(label: str, text: str) -> tuple[float, ...]:
    """Numbers as typed, in ascending order.

    >>> numbers("T", "4, 1 2.5")
    (1.0, 2.5, 4.0)

    Raises:
        UserError: one of them is no number.
    """
    values = []
    for part in filter(None, re.split(r"[,;\s]+", text)):
        try:
            values.append(float(part))
        except ValueError:
            raise UserError(
                f"{label}: {shorten(part)} is not a number; write numbers with commas between "
                "them, such as 0.5, 4."
            ) from None
    return tuple(sorted(values))


def _values(label: str, name: str, meaning: str, placeholder: str = "") -> str:
    # Not a multiselect: there, Enter after "2" takes all values that contain a 2.
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
    if not service.studies.clusters_allowed:
        return ""
    st.session_state.setdefault("sweep.cluster", service.settings.cluster or "")
    address: str = st.text_input(
        "Cluster",
        key="sweep.cluster",
        placeholder="none: on this machine",
        max_chars=200,
        persist_state="session",
        help="Address of a Dask scheduler, tcp://HOST:PORT: its workers train the students, many "
        "chunks at once. The teacher trains here. Enter only clusters that you trust: their "
        "answers may run code here.",
    )
    return address
