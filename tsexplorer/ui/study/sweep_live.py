"""A sweep as it stands, redrawn in place while its job runs.

One flat fragment, as in :mod:`tsexplorer.ui.live`. What Plotly draws waits until the job is over:
it would flicker; the map is filled anew in place.
"""

from __future__ import annotations

import math

import streamlit as st

from tsexplorer.analysis.formatting import duration
from tsexplorer.data.registry import get_dataset
from tsexplorer.objectives import get_objective
from tsexplorer.objectives.base import format_number
from tsexplorer.plots.grid_map import (
    best_of_row,
    columns_of,
    map_cells,
    parallel_figure,
    rows_of,
    slice_figure,
    slices,
)
from tsexplorer.plots.grid_metrics import MEASURES, MeasureName, in_words, mean
from tsexplorer.services.service import ACTIVE, Service
from tsexplorer.services.sweep_results import SweepFigures
from tsexplorer.store import JobSnapshot
from tsexplorer.studies.sweep.spec import Cell, SweepSpec
from tsexplorer.ui.app_state import sentences
from tsexplorer.ui.figures import figure, numbers_button, picture_format
from tsexplorer.ui.live import STATUS_WORDS, job_buttons
from tsexplorer.ui.matrices import Axis, Layout, Titled, matrices
from tsexplorer.ui.study.cell import adopt_view, cell_view, chosen_view
from tsexplorer.ui.study.sweep_table import table
from tsexplorer.ui.theme import escaped, palette

EVERY_SECONDS = 1.0
CORNER = "λ ↓  T →"
WIDTH = 9.6
"""Of a row of cells over the height of one, up to the columns that make cells square."""
NOTE = (
    "★ the best mean accuracy; framed: cannot be told apart from it, paired by seed. Click a cell "
    "for its figures."
)
UNKNOWN: dict[MeasureName, str] = {
    "accuracy": "No student has finished an epoch yet.",
    "gap": "There is no gap to close: the teacher is not better than the baseline, or one of them "
    "is not trained yet.",
    "agreement": "Agreement is known when students end.",
    "ece": "The calibration error is known when students end.",
}
INTERVALS = (
    "Intervals are 95 %: Student’s t over the seeds (other seeds, these images), or with one seed "
    "binomial over the images (other images, this seed). None is corrected for the number of "
    "cells: among many, some that differ in truth will look alike, and the best owes some of its "
    "lead to luck."
)


def live_view(service: Service, key: str) -> None:
    """Draw a sweep; keep it in step while its job is active."""
    active = service.sweeps.one(key).status in ACTIVE
    st.fragment(_draw, run_every=EVERY_SECONDS if active else None)(service, key, active)


def _draw(service: Service, key: str, was_active: bool) -> None:
    with sentences():
        figures = service.sweeps.figures(key)
        active = figures.sweep.status in ACTIVE
        if active != was_active:
            st.rerun()
        _job_bar(service, figures)
        chosen_view(figures)
        if not figures.map.cells:
            st.caption("The map begins with the first finished epoch of a student.")
            return
        cell = map_view(figures)
        if cell is not None:
            cell_view(figures, cell, lambda: adopt_view(service, figures, cell))
        if not active:
            settled_view(figures, cell)


def _job_bar(service: Service, figures: SweepFigures) -> None:
    """Progress in words and as a bar, and the buttons that make sense now."""
    sweep = figures.sweep
    job = next((job for job in service.jobs() if job.id == sweep.job), None)
    if job is None or sweep.status == "done":
        return
    if job.status in ACTIVE:
        share, words = _progress(service, figures, job)
        st.progress(share, text=words)
    else:
        sentence = f"{STATUS_WORDS[job.status]}{': ' + job.error if job.error else ''}"
        st.warning(escaped(sentence), icon=":material/info:")
        st.caption(f"{sweep.nets_done} of {sweep.nets} nets are trained, and stay.")
    for notice in service.standing(job).notices:
        st.caption(escaped(notice))
    job_buttons(service, job)


def _progress(service: Service, figures: SweepFigures, job: JobSnapshot) -> tuple[float, str]:
    if job.status == "queued":
        ahead = sum(other.id < job.id for other in service.jobs(active_only=True))
        return 0.0, STATUS_WORDS["queued"] + (f" ({ahead} before it)" if ahead else "")
    students, done = len(figures.epochs), len(figures.done)
    teachers_left = (figures.sweep.nets - students) - (figures.sweep.nets_done - done)
    words = [STATUS_WORDS[job.status]]
    words.append("the teacher first" if teachers_left else f"{done} of {students} students done")
    progress = service.standing(job).progress
    if progress is None:
        return done / max(students, 1), " · ".join(words)
    epoch = f"epoch {max(progress.epoch, 1)} of {progress.epochs}"
    words.append(epoch if progress.epochs else progress.doing)
    if progress.seconds_left is not None and job.status == "running":
        left = "for it" if teachers_left else "for the map"
        words.append(f"{duration(progress.seconds_left)} left {left}")
    return min(progress.fraction, 1.0), " · ".join(words)


def map_view(figures: SweepFigures) -> Cell | None:
    """The map and what it is to be read against; returns the cell that a person has chosen."""
    spec, found = figures.sweep.spec, figures.map
    measure: MeasureName = st.segmented_control(
        "Colours show",
        list(MEASURES),
        default="accuracy",
        key="sweep.measure",
        format_func=lambda name: MEASURES[name].name,
        required=True,
    )
    cell = None
    if all(math.isnan(mean(one, measure)) for one in found.cells):
        st.info(UNKNOWN[measure], icon=":material/info:")
    else:
        cell = _matrices(figures, measure)
    st.caption(f"{MEASURES[measure].meaning} {provenance(figures)}")
    which = "λ = 1" if spec.baseline_in_grid else "labels alone"
    st.markdown(
        f"Baseline ({which}): **{in_words(found.baseline)}** on validation"
        f"{_baseline_rate(figures)}. Teacher: **{in_words(found.teacher)}**."
    )
    st.caption(INTERVALS)
    return cell


def _matrices(figures: SweepFigures, measure: MeasureName) -> Cell | None:
    """A matrix for each learning rate."""
    sweep, found = figures.sweep.spec, figures.map
    rows, columns = rows_of(sweep), columns_of(sweep)
    remarks = _remarks(figures)
    several = len(sweep.rates) > 1
    clicked = matrices(
        [
            Titled(
                f"Learning rate {format_number(rate)}" if several else MEASURES[measure].name,
                map_cells(sweep, found, rate, measure, remarks),
            )
            for rate in sweep.rates
        ],
        Layout(
            rows=Axis([_row_name(lam, sweep) for lam in rows]),
            columns=Axis([format_number(value) for value in columns]),
            corner=CORNER,
            note=NOTE,
            label="Map over T and λ",
            corner_shown=True,
            apart=True,
            aspect=max(1.0, WIDTH / len(columns)),
        ),
        name=f"map-{measure}",
        key=f"map_{figures.sweep.id}",
    )
    if clicked is None:
        return None
    return Cell(columns[clicked.column], rows[clicked.row], sweep.rates[clicked.matrix])


def _row_name(lam: float, sweep: SweepSpec) -> str:
    name = format_number(lam)
    return f"{name} = labels" if lam == 1 and sweep.baseline_in_grid else name


def _baseline_rate(figures: SweepFigures) -> str:
    rate = figures.map.baseline_rate
    if rate is None or len(figures.sweep.spec.rates) == 1:
        return ""
    return f", at the learning rate that suits it best, {format_number(rate)}"


def _remarks(figures: SweepFigures) -> dict[Cell, str]:
    """How far the cells are whose students still train."""
    spec = figures.sweep.spec
    said = {}
    for cell in spec.cells:
        stages = [spec.student(cell, seed).hash for seed in spec.seeds]
        left = [key for key in stages if key not in figures.done]
        if left:
            epochs = min(figures.epochs.get(key, 0) for key in left)
            all_epochs = spec.base.distilled_train.epochs
            said[cell] = (
                f"{len(stages) - len(left)} of {len(stages)} seeds done, "
                f"the others at epoch {epochs} of {all_epochs}"
            )
    return said


def provenance(figures: SweepFigures) -> str:
    """Split, data, seeds, teacher and loss convention of the map's figures."""
    spec = figures.sweep.spec
    info = get_dataset(spec.base.data.name).info
    seeds = ", ".join(str(seed) for seed in spec.seeds)
    taught = (
        f"all students learn from the teacher of seed {spec.seeds[0]}"
        if spec.teachers == "shared"
        else "each seed has a teacher of its own"
    )
    return escaped(
        f"Validation split of {info.title} ({info.validation:,} images), "
        f"seed{'s' * (len(spec.seeds) > 1)} {seeds}; {taught}; "
        f"{get_objective(spec.base.objective.name).format_grid_convention(spec.base.objective)}."
    )


def settled_view(figures: SweepFigures, cell: Cell | None, *, row: float | None = None) -> None:
    """Slices through a cell, all axes at once, and the numbers.

    Args:
        figures: of the sweep.
        cell: the one that a person has chosen.
        row: the lambda through whose best cell slices go until then; that of the best cell of all
            if not given.
    """
    spec, found = figures.sweep.spec, figures.map
    at = cell or (found.best if row is None else best_of_row(found, row))
    if at is None:
        return
    st.subheader("Slices", anchor=False)
    which = "the best cell" if row is None else f"the best cell of λ = {format_number(row)}"
    which = "the cell you chose" if cell else which
    st.caption(
        f"Through {which}: bold with its 95 % band; thin lines are the other values. Choose "
        "another cell in the map to move them. Dashed: the baseline with its band. "
        f"{provenance(figures)}"
    )
    first, second = st.columns(2)
    with first:
        lines = slices(spec, found, "T", at)
        figure(slice_figure(lines, found.baseline, "T", palette()), "slice_T")
    with second:
        lines = slices(spec, found, "λ", at)
        figure(slice_figure(lines, found.baseline, "λ", palette()), "slice_lambda")
    if len(spec.rates) > 1:
        st.subheader("All axes at once", anchor=False)
        st.caption("A line a cell; drag along an axis to keep some. Mean validation accuracy.")
        figure(parallel_figure(spec, found, palette()), "parallel")
    numbers = table(spec, found)
    with st.expander("The map as a table", icon=":material/table:"):
        st.dataframe(numbers.round(3), hide_index=True)
        st.caption(f"Percent; low and high are the ends of 95 % intervals. {provenance(figures)}")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        numbers_button(numbers, f"sweep-{figures.sweep.name}")
        picture_format()
