"""Maps on the page Tune: the form, and the texts of the job bar."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from tsexplorer.analysis.formatting import format_count
from tsexplorer.errors import UserError, shorten
from tsexplorer.objectives.base import format_number
from tsexplorer.services import Service, StudentsCheck, StudyCheck, StudySnapshot, StudyState
from tsexplorer.studies.sweep.spec import SweepSpec
from tsexplorer.ui import forms
from tsexplorer.ui.study.job_bar import BarText
from tsexplorer.ui.study.panel import StudyPanel, prerequisites_text
from tsexplorer.ui.study.sweep_view import cost_button, sweep_view
from tsexplorer.ui.url_state import SWEEP
from tsexplorer.ui.widgets import field_widget


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
Which temperature T, and which weight λ of the labels? The answer depends on the task, so it is a
map: one student for each T, each λ and each of a few seeds.

- Small dense nets **train together**, many at once: minutes rather than an hour. A button below the
  form measures the time for a grid on this machine.
- A cell is a **mean over seeds** with its interval, not one lucky run. Cells that cannot be told
  apart from the best are framed.
- The choice is made **on validation**; the test split is read once, for the chosen cell.
- λ = 1 is the **baseline**: the same student on labels alone, tuned as much as the others.

Until you train your own map, a ready-made one is shown below.
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
        temperatures = _numbers_control(
            forms.LIST_TITLES["temperatures"], "temperatures", "The columns of the map."
        )
        lambdas = _numbers_control(
            forms.LIST_TITLES["lambdas"],
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
        rates = _numbers_control(
            forms.LIST_TITLES["learning_rates"],
            "rates",
            "One map for each; if empty, the rate of the schedule.",
            "as in the schedule",
        )
        teachers = field_widget(SweepSpec, "teachers", "sweep")
        return {"learning_rates": rates, "teachers": teachers, "cluster": _cluster_control(service)}

    def values(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the grid and its teachers."""
        axes = ("temperatures", "lambdas", "learning_rates")
        parsed = forms.parse_fields(
            {name: partial(parse_numbers, forms.LIST_TITLES[name], inputs[name]) for name in axes}
        )
        return {**parsed, "seeds": inputs["seeds"], "teachers": inputs["teachers"]}

    def suggested_name(self, spec: SweepSpec) -> str:
        """Return a name with nets, data and size of the grid."""
        base = spec.base
        size = f"{len(spec.temperatures)} T × {len(spec.lambdas)} λ"
        if len(spec.rates) > 1:
            size += f" × {len(spec.rates)} rates"
        return f"{base.student.name} from {base.teacher.name}, {base.data.name}, {size}"[:80]

    def start_label(self, check: StudyCheck[SweepSpec]) -> str:
        """Return "Train", or "Show" if all nets are trained."""
        return "Show result (already trained)" if check.complete else "Train the map"

    def describe(self, check: StudyCheck[SweepSpec]) -> tuple[str, str]:
        """Return the number of cells and students, and how the students train."""
        assert isinstance(check, StudentsCheck)
        spec, trained = check.spec, check.students_trained
        students = f"**{format_count(check.students)} students**"
        reused = f", {trained} of them trained already" if trained else ""
        seeds = f"{len(spec.seeds)} seed{'s' * (len(spec.seeds) > 1)}"
        others = prerequisites_text(check.prerequisites_left)
        line = f"{len(spec.cells)} cells, {seeds}: {students}{reused}.{others}"
        baseline = ""
        if not spec.baseline_in_grid:
            baseline = " The baseline is trained too."
        elif 1 in spec.lambdas:
            baseline = " λ = 1 is the baseline for every T: trained once per seed."
        return line, f"{check.stacking} {check.memory}{baseline}"

    def after_form(self, service: Service, check: StudyCheck[SweepSpec], available: bool) -> None:
        """Draw a button that measures how long the training takes."""
        if not check.complete and available:
            cost_button(service, check.spec, "sweep_cost")

    def fill(self, spec: SweepSpec) -> None:
        """Put a sweep's settings into the session."""
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

    def view(self, service: Service, state: StudyState) -> None:
        """Draw the map and its figures."""
        sweep_view(service, state.results, active=state.active)

    def bar_text(self, state: StudyState) -> BarText:
        """Return the number of trained students, the epoch and the time left."""
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
        """Return how many nets are trained."""
        return f"{study.nets_done} of {study.nets} nets are trained and kept."


PANEL = SweepPanel()


def parse_numbers(label: str, text: str) -> tuple[float, ...]:
    """Parse numbers with commas between them; return them in ascending order.

    >>> parse_numbers("T", "4, 1 2.5")
    (1.0, 2.5, 4.0)

    Raises:
        UserError: a part of the text is not a number.
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


def _numbers_control(label: str, name: str, meaning: str, placeholder: str = "") -> str:
    # Not a multiselect: there, Enter after "2" selects all values that contain a 2.
    text: str = st.text_input(
        label,
        key=f"sweep.{name}",
        placeholder=placeholder,
        max_chars=2000,
        persist_state="session",
        help=f"{meaning} Numbers with commas between them.",
    )
    return text


def _cluster_control(service: Service) -> str:
    """Draw the field of the cluster's address; return it, empty for this machine."""
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
        "chunks at once. The teacher is trained on this machine. Enter only a cluster that you "
        "trust: its answers may run code on this machine.",
    )
    return address
