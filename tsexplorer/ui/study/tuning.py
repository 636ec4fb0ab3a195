"""Searches on the page Tune: the form, and what happens around the view of a search."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from tsexplorer.analysis.formatting import format_count
from tsexplorer.errors import UserError
from tsexplorer.objectives.base import format_number
from tsexplorer.services import Service, StudentsCheck, StudyCheck, StudySnapshot, StudyState
from tsexplorer.studies.tuning.spec import TuneSpec
from tsexplorer.ui import forms
from tsexplorer.ui.study.job_bar import BarText
from tsexplorer.ui.study.panel import StudyPanel, prerequisites_text
from tsexplorer.ui.study.sweep import parse_numbers
from tsexplorer.ui.study.tuning_view import tuning_view
from tsexplorer.ui.url_state import TUNING

RANGES = {
    "temperatures": ("Temperature T from, to", "Searched on a logarithmic scale.", ""),
    "lambdas": (
        "Weight of the labels λ from, to",
        "1 is the baseline (labels alone), 0 learns from the teacher alone.",
        "",
    ),
    "rates": (
        "Learning rate from, to",
        "Searched on a logarithmic scale.",
        "a tenth to ten times the rate of the schedule",
    ),
}
COUNTS = {
    "trials": ("Trials", "Number of settings that are tried."),
    "seeds": (
        "Seeds for the re-check",
        "The best settings are repeated on seeds that the search did not use. The figures of the "
        "suggestion come from these seeds; with two or more, they have an interval over seeds.",
    ),
    "per_round": (
        "Trials per round",
        "The trials of a round are proposed at once and trained together where the net allows it. "
        "Small rounds search better, large rounds train faster.",
    ),
    "repeats": ("Repeated settings", "Number of best settings that are repeated."),
    "baselines": (
        "Baseline rates",
        "The baseline is tuned too: number of learning rates at which it is trained.",
    ),
    "search_seeds": (
        "Seeds per trial",
        "More seeds make the search slower and its results more certain.",
    ),
    "sampler_seed": ("Search seed", "Random seed of the search itself."),
}
MAIN_COUNTS = ("trials", "seeds")


class TuningPanel(StudyPanel[TuneSpec]):
    """Searches for T, λ and learning rate."""

    name = "tuning"
    label = "Search"
    order = 2
    parameter = TUNING
    prefix = "tune"
    spec_type = TuneSpec
    summary = "Let a search find T, λ and the learning rate, and see how certain they are."
    introduction = """
A map shows where T and λ matter; a **search** finds one good setting, and includes the learning
rate.

- Settings are tried in **rounds**: the results of one round decide what is tried next. The students
  of a round train together where their net allows it, and those that fall behind are stopped early.
- The best few are **repeated on seeds that the search did not use**. The suggestion is the best of
  these, with its interval and the settings that cannot be told apart from it.
- The **baseline** (labels alone) is tuned too: an untuned baseline would favour the teacher.
- The choice is made **on validation**; the test split is read once, for the suggestion.
"""
    recipe_hint = "A recipe fills in data, nets and schedules. The ranges stay."
    more_label = "Search, schedule and name"
    titles = {name: title for name, (title, _) in COUNTS.items()}  # noqa: RUF012
    defaults = {  # noqa: RUF012
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

    def controls(self) -> dict[str, Any]:
        """Draw the ranges, the number of trials and the seeds for the re-check."""
        inputs: dict[str, Any] = {name: _range_control(name) for name in RANGES}
        for column, name in zip(st.columns(2), MAIN_COUNTS, strict=True):
            with column:
                inputs[name] = _count_control(name)
        return inputs

    def more_controls(self, service: Service) -> dict[str, Any]:  # noqa: ARG002
        """Draw the settings of the search."""
        inputs: dict[str, Any] = {}
        columns = st.columns(2)
        for index, name in enumerate(name for name in COUNTS if name not in MAIN_COUNTS):
            with columns[index % 2]:
                inputs[name] = _count_control(name)
        inputs["prune"] = st.toggle(
            "Stop bad trials early",
            key="tune.prune",
            persist_state="session",
            help="After a third and after two thirds of its epochs, a trial is stopped if its best "
            "accuracy so far is below the median of the finished trials.",
        )
        return inputs

    def values(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the ranges and the settings of the search."""
        ranges = {"temperatures": "temperatures", "lambdas": "lambdas"}
        if inputs["rates"].strip():
            ranges["learning_rates"] = "rates"
        parsed = forms.parse_fields(
            {
                field: partial(parse_range, RANGES[name][0], inputs[name])
                for field, name in ranges.items()
            }
        )
        return {**parsed, **{name: inputs[name] for name in (*COUNTS, "prune")}}

    def suggested_name(self, spec: TuneSpec) -> str:
        """Return a name with nets and data."""
        base = spec.base
        return f"{base.student.name} from {base.teacher.name}, {base.data.name}, tuned"[:80]

    def start_label(self, check: StudyCheck[TuneSpec]) -> str:  # noqa: ARG002
        """Return "Search"."""
        return "Search"

    def describe(self, check: StudyCheck[TuneSpec]) -> tuple[str, str]:
        """Return the number of trials, rounds and students, and how the students train."""
        assert isinstance(check, StudentsCheck)
        spec = check.spec
        rounds = f"{spec.rounds} round{'s' * (spec.rounds > 1)}"
        line = (
            f"{spec.trials} trials in {rounds}: **{format_count(check.students)} students** at "
            f"most, with baselines and repeats.{prerequisites_text(check.prerequisites_left)}"
        )
        return line, f"{check.stacking} {check.memory}"

    def fill(self, spec: TuneSpec) -> None:
        """Put a search's settings into the session."""
        forms.fill(spec.base)
        state = st.session_state
        ranges = {"temperatures": spec.temperatures, "lambdas": spec.lambdas}
        if spec.learning_rates is not None:
            ranges["rates"] = spec.learning_rates
        for name in RANGES:
            state[f"tune.{name}"] = ", ".join(map(format_number, ranges.get(name, ())))
        for name in (*COUNTS, "prune"):
            state[f"tune.{name}"] = getattr(spec, name)
        state["sweep.objective"] = spec.base.objective.name

    def view(self, service: Service, state: StudyState) -> None:
        """Draw the suggestion, the trials and the figures."""
        tuning_view(service, state.results, active=state.active)

    def bar_text(self, state: StudyState) -> BarText:
        """Return what is trained, the epoch and the longest time left."""
        running, prerequisites = state.progress.progress, state.results.prerequisites_left
        parts = [self._current_step(state)]
        if running is None:
            return BarText(0.0, parts, "")
        parts.append(f"epoch {max(running.epoch, 1)} of {running.epochs}")
        return BarText(running.fraction, parts, "for it" if prerequisites else "at most")

    def stopped_text(self, study: StudySnapshot[TuneSpec]) -> str:  # noqa: ARG002
        """Return that finished trials are kept."""
        return "Finished trials are kept; Resume continues the unfinished round."

    def _current_step(self, state: StudyState) -> str:
        results = state.results
        spec: TuneSpec = results.tune.spec
        if results.prerequisites_left:
            return "teacher and baselines first" if spec.base.warm_start else "the teacher first"
        if results.repeating:
            return f"the best settings on {spec.seeds} further seed{'s' * (spec.seeds > 1)}"
        latest = max((trial.round for trial in results.trials), default=0)
        return f"round {latest + 1} of {spec.rounds}"


PANEL = TuningPanel()


def parse_range(label: str, text: str) -> tuple[float, float]:
    """Parse the ends of a range; a single number is both ends.

    >>> parse_range("T", "8, 0.5"), parse_range("T", "4")
    ((0.5, 8.0), (4.0, 4.0))

    Raises:
        UserError: the text is not one or two numbers.
    """
    values = parse_numbers(label, text)
    if len(values) not in (1, 2):
        raise UserError(
            f"{label}: write the lower and the upper end, such as 1, 8, or one number to keep it "
            "fixed."
        )
    return values[0], values[-1]


def _range_control(name: str) -> str:
    label, meaning, placeholder = RANGES[name]
    text: str = st.text_input(
        label,
        key=f"tune.{name}",
        placeholder=placeholder,
        max_chars=200,
        persist_state="session",
        help=f"{meaning} Both ends with a comma between them; one number keeps it fixed.",
    )
    return text


def _count_control(name: str) -> int:
    label, meaning = COUNTS[name]
    return int(
        st.number_input(label, step=1, key=f"tune.{name}", persist_state="session", help=meaning)
    )
