"""Repeats on the page Tune: the form and the view of one experiment over more seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from tsexplorer.analysis.formatting import percent, with_interval
from tsexplorer.data.registry import get_dataset
from tsexplorer.objectives import format_loss
from tsexplorer.plots.style import TITLES
from tsexplorer.services import Service, StudyCheck, StudySnapshot, StudyState
from tsexplorer.specs import ROLES, ObjectiveSpec
from tsexplorer.studies.repeat import RepeatResults, RepeatSpec
from tsexplorer.ui import forms
from tsexplorer.ui.app_state import show_errors
from tsexplorer.ui.figures import csv_button
from tsexplorer.ui.objective_form import NetPair, objective_form
from tsexplorer.ui.study.cell import experiment_links
from tsexplorer.ui.study.job_bar import BarText
from tsexplorer.ui.study.panel import StudyPanel
from tsexplorer.ui.theme import escaped

EXPERIMENTS = "repeat.made"
"""Session key of the experiments made from repeats, by study."""


class RepeatPanel(StudyPanel[RepeatSpec]):
    """One experiment over more seeds."""

    name = "repeat"
    label = "Repeat"
    order = 3
    parameter = "repeat"
    prefix = "repeat"
    spec_type = RepeatSpec
    summary = "Repeat one experiment over more seeds until its gap closed is known well enough."
    introduction = """
One seed can be lucky. A **repeat** trains the same experiment with more seeds, one after another,
until the 95 % interval of its **gap closed** is narrow enough, or a largest number of seeds is
reached.

- The interval is Student's t over the seeds, **on validation**; the test split is read once per
  seed and not used to stop.
- Trained nets are reused, so that an experiment can be continued with more seeds.
"""
    recipe_hint = "A recipe fills in data, nets, objective and schedules."
    more_label = "Schedule and name"
    titles = {  # noqa: RUF012
        "half_width": "Half the interval",
        "max_seeds": "Seeds at most",
    }
    defaults = {"half_width": 10.0, "max_seeds": 10}  # noqa: RUF012
    stages = forms.STAGE_TITLES

    def objective(self, nets: NetPair) -> ObjectiveSpec:
        """Draw the controls of the objective with T and λ."""
        return objective_form(nets)

    @property
    def objective_key(self) -> str:
        """Session key of the objective's name."""
        return "objective"

    def controls(self) -> dict[str, Any]:
        """Draw the target width of the interval and the largest number of seeds."""
        left, right = st.columns(2, vertical_alignment="bottom")
        with left:
            half_width = st.number_input(
                "Half the interval (± % of the gap)",
                key="repeat.half_width",
                persist_state="session",
                help="Training stops when the 95 % interval of the gap closed (validation) is at "
                "most ± this.",
            )
        with right:
            max_seeds = st.number_input(
                "Seeds at most",
                step=1,
                key="repeat.max_seeds",
                persist_state="session",
                help="Training stops at this many seeds in any case.",
            )
        return {"half_width": half_width, "max_seeds": max_seeds}

    def values(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the target width as a share of 1, and the largest number of seeds."""
        return {
            "half_width": float(inputs["half_width"]) / 100,
            "max_seeds": int(inputs["max_seeds"]),
        }

    def suggested_name(self, spec: RepeatSpec) -> str:
        """Return the experiment's name with "repeated"."""
        return f"{forms.suggested_name(spec.base)[:66]}, repeated"

    def start_label(self, check: StudyCheck[RepeatSpec]) -> str:  # noqa: ARG002
        """Return "Repeat"."""
        return "Repeat"

    def describe(self, check: StudyCheck[RepeatSpec]) -> tuple[str, str]:
        """Return the smallest and largest number of seeds, and when training stops."""
        spec, trained = check.spec, len(check.trained)
        seeds = len({stage.seed for stage in check.stages})
        reused = f", {trained} of their nets trained already" if trained else ""
        line = (
            f"**{seeds} to {spec.max_seeds} seeds**, {len(check.stages) // seeds} nets each"
            f"{reused}."
        )
        return line, (
            f"Stops when the interval of the gap closed is ± {percent(spec.half_width, 0)} or "
            "narrower."
        )

    def fill(self, spec: RepeatSpec) -> None:
        """Put a repeat's settings into the session."""
        forms.fill(spec.base)
        st.session_state["repeat.half_width"] = 100 * spec.half_width
        st.session_state["repeat.max_seeds"] = spec.max_seeds

    def view(self, service: Service, state: StudyState) -> None:
        """Draw the gap closed with its interval, and a row per seed."""
        results: RepeatResults = state.results
        if not results.seeds:
            st.caption("The first figures follow with the first trained net.")
            return
        _headline(results)
        table = _table(results)
        st.dataframe(
            table,
            hide_index=True,
            column_config={
                name: st.column_config.NumberColumn(format="%.2f")
                for name in table.columns
                if name.endswith("(%)")
            },
        )
        st.caption(_provenance(results))
        if not state.active:
            csv_button(table, f"repeat-{results.study.name}")
            _experiment_panel(service, results)

    def bar_text(self, state: StudyState) -> BarText:
        """Return the seed, the epoch and the time left of the net in training."""
        results, progress = state.results, state.progress
        share = progress.stages_done / max(progress.stages, 1)
        seeds = f"seed {len(results.complete_seeds) + 1} of at most {results.study.spec.max_seeds}"
        running = progress.progress
        if running is None:
            return BarText(share, [seeds], "")
        share += running.fraction / max(progress.stages, 1)
        epoch = f"epoch {max(running.epoch, 1)} of {running.epochs}"
        return BarText(share, [seeds, epoch], "for this net")

    def stopped_text(self, study: StudySnapshot[RepeatSpec]) -> str:
        """Return how many nets are trained."""
        return f"{study.nets_done} trained nets are kept."


PANEL = RepeatPanel()


def _headline(results: RepeatResults) -> None:
    spec, seeds = results.study.spec, len(results.complete_seeds)
    left, right = st.columns([1, 2], vertical_alignment="center")
    left.metric(
        "Gap closed (validation)",
        with_interval(results.validation.gap, 0),
        help="(distilled − baseline) / (teacher − baseline), mean over the seeds with its 95 % "
        "interval (Student’s t); – where the teacher is not better than the baseline.",
        border=True,
    )
    target = f"± {percent(spec.half_width, 0)}"
    if results.reached:
        outcome = f"Narrow enough (**{target}**) after **{seeds} seeds**."
    elif seeds >= spec.max_seeds:
        outcome = f"Not narrow enough (**{target}**) after **{seeds} seeds**."
    else:
        outcome = f"**{seeds} of at most {spec.max_seeds} seeds**; target {target}."
    right.markdown(f"{outcome} On test the gap closed is **{with_interval(results.test.gap, 0)}**.")


def _table(results: RepeatResults) -> pd.DataFrame:
    rows = []
    for seed in results.seeds:
        row: dict[str, Any] = {"Seed": seed.seed}
        for role in ROLES:
            accuracy = seed.accuracies.get(role)
            row[f"{TITLES[role]} (%)"] = None if accuracy is None else 100 * accuracy
        row["Gap closed (%)"] = None if seed.gap is None else 100 * seed.gap
        rows.append(row)
    return pd.DataFrame(rows)


def _provenance(results: RepeatResults) -> str:
    base = results.study.spec.base
    info = get_dataset(base.data.name).info
    return escaped(
        f"Validation split of {info.title} ({info.validation:,} images); test "
        f"({info.test:,} images) read once per seed, not used to stop; {format_loss(base)}. The "
        "interval at which training stops is somewhat too narrow, because a narrow interval by "
        "chance also stops it."
    )


def _experiment_panel(service: Service, results: RepeatResults) -> None:
    """Draw a button that makes an experiment of a repeat; then links to the experiment."""
    experiments: dict[str, str] = st.session_state.setdefault(EXPERIMENTS, {})
    key = results.study.id
    with show_errors():
        if key in experiments:
            experiment_links(service.experiment(experiments[key]))
        elif results.complete_seeds and st.button(
            "Make it an experiment", key="adopt", icon=":material/science:"
        ):
            experiments[key] = service.studies.make_experiment(key).id
            st.rerun()
