"""The view of a map: cells, the clicked cell, slices and the table.

While the job runs, only what updates in place is drawn; Plotly figures would flicker.
"""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import streamlit as st

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
from tsexplorer.services import Service
from tsexplorer.studies.grid_results import Estimate, SweepMap
from tsexplorer.studies.student_stages import Cell
from tsexplorer.studies.sweep.results import SweepResults
from tsexplorer.studies.sweep.spec import SweepSpec
from tsexplorer.ui.figures import figure, numbers_button, picture_format
from tsexplorer.ui.matrices import Axis, Layout, Titled, matrices
from tsexplorer.ui.study.cell import adopt_view, cell_view, chosen_view
from tsexplorer.ui.theme import escaped, palette

CORNER = "λ ↓  T →"
WIDTH = 9.6
"""Of a row of cells over the height of one, up to the columns that make cells square."""
NOTE = (
    "★ the best mean accuracy; framed: cannot be told apart from it, paired by seed. Click a cell "
    "for its results."
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


def sweep_view(service: Service, results: SweepResults, *, active: bool) -> None:
    """Draw the chosen cell, the map, the clicked cell and, once training has ended, the results."""
    chosen_view(results)
    if not results.map.cells:
        st.caption("The map begins with the first finished epoch of a student.")
        return
    cell = map_view(results)
    if cell is not None:
        cell_view(results, cell, lambda: adopt_view(service, results, cell))
    if not active:
        settled_view(results, cell)


def map_view(results: SweepResults) -> Cell | None:
    """The map and what it is to be read against; returns the cell that a person has chosen."""
    spec, found = results.sweep.spec, results.map
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
        cell = _matrices(results, measure)
    st.caption(f"{MEASURES[measure].meaning} {provenance(results)}")
    which = "λ = 1" if spec.baseline_in_grid else "labels alone"
    st.markdown(
        f"Baseline ({which}): **{in_words(found.baseline)}** on validation"
        f"{_baseline_rate(results)}. Teacher: **{in_words(found.teacher)}**."
    )
    st.caption(INTERVALS)
    return cell


def _matrices(results: SweepResults, measure: MeasureName) -> Cell | None:
    """A matrix for each learning rate."""
    sweep, found = results.sweep.spec, results.map
    rows, columns = rows_of(sweep), columns_of(sweep)
    remarks = _remarks(results)
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
        key=f"map_{results.sweep.id}",
    )
    if clicked is None:
        return None
    return Cell(columns[clicked.column], rows[clicked.row], sweep.rates[clicked.matrix])


def _row_name(lam: float, sweep: SweepSpec) -> str:
    name = format_number(lam)
    return f"{name} = labels" if lam == 1 and sweep.baseline_in_grid else name


def _baseline_rate(results: SweepResults) -> str:
    rate = results.map.baseline_rate
    if rate is None or len(results.sweep.spec.rates) == 1:
        return ""
    return f", at the learning rate that suits it best, {format_number(rate)}"


def _remarks(results: SweepResults) -> dict[Cell, str]:
    """How far the cells are whose students still train."""
    spec = results.sweep.spec
    said = {}
    for cell in spec.cells:
        stages = [spec.student(cell, seed).hash for seed in spec.seeds]
        left = [key for key in stages if key not in results.done]
        if left:
            epochs = min(results.epochs.get(key, 0) for key in left)
            all_epochs = spec.base.distilled_train.epochs
            said[cell] = (
                f"{len(stages) - len(left)} of {len(stages)} seeds done, "
                f"the others at epoch {epochs} of {all_epochs}"
            )
    return said


def provenance(results: SweepResults) -> str:
    """Split, data, seeds, teacher and loss convention of the map's results."""
    spec = results.sweep.spec
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
        f"{get_objective(spec.base.objective.name).convention_of(spec.base.objective)}."
    )


def settled_view(results: SweepResults, cell: Cell | None, *, row: float | None = None) -> None:
    """Slices through a cell, all axes at once, and the numbers.

    Args:
        results: of the sweep.
        cell: the one that a person has chosen.
        row: the lambda through whose best cell slices go until then; that of the best cell of all
            if not given.
    """
    spec, found = results.sweep.spec, results.map
    at = cell or (found.best if row is None else best_of_row(found, row))
    if at is None:
        return
    st.subheader("Slices", anchor=False)
    which = "the best cell" if row is None else f"the best cell of λ = {format_number(row)}"
    which = "the cell you chose" if cell else which
    st.caption(
        f"Through {which}: bold with its 95 % band; thin lines are the other values. Choose "
        "another cell in the map to move them. Dashed: the baseline with its band. "
        f"{provenance(results)}"
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
        st.caption(f"Percent; low and high are the ends of 95 % intervals. {provenance(results)}")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        numbers_button(numbers, f"sweep-{results.sweep.name}")
        picture_format()


def table(sweep: SweepSpec, found: SweepMap) -> pd.DataFrame:
    """A row a cell; shares in percent, on validation."""
    rows = []
    for one in found.cells:
        row: dict[str, Any] = {"T": one.cell.temperature, "λ": one.cell.lam}
        if len(sweep.rates) > 1:
            row["Learning rate"] = one.cell.learning_rate
        row |= {"Best": one.cell == found.best, "May be best": one.may_be_best}
        for name, measure in MEASURES.items():
            row |= _columns(measure.name, getattr(one, name))
        row |= {"Seeds": one.accuracy.seeds, "Interval": one.accuracy.method}
        rows.append(row)
    return pd.DataFrame(rows)


def _columns(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    ends = (None, None, None) if estimate is None else estimate[:3]
    parts = ("", " low", " high")
    return {
        f"{name}{part} (%)": None if value is None or math.isnan(value) else 100 * value
        for part, value in zip(parts, ends, strict=True)
    }
