"""Views of maps over T and λ: own sweeps, and ready-made maps.

While a job runs, only elements that update in place are drawn; Plotly figures would flicker.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from tsexplorer.analysis.formatting import duration, format_count
from tsexplorer.data.registry import get_dataset
from tsexplorer.objectives import get_objective
from tsexplorer.objectives.base import format_number
from tsexplorer.plots.grid_map import (
    best_cell_of_row,
    grid_columns,
    grid_rows,
    map_cells,
    parallel_figure,
    slice_figure,
    slices,
)
from tsexplorer.plots.grid_metrics import (
    GRID_METRICS,
    GridMetricName,
    estimate_in_words,
    metric_mean,
)
from tsexplorer.published.maps import PublishedMap, training_command
from tsexplorer.services import Service
from tsexplorer.studies.grid_results import Estimate, SweepMap
from tsexplorer.studies.student_stages import Cell
from tsexplorer.studies.sweep.results import SweepResults
from tsexplorer.studies.sweep.spec import SweepSpec
from tsexplorer.ui.app_state import show_errors
from tsexplorer.ui.figures import csv_button, figure, image_format_control
from tsexplorer.ui.matrices import Axis, Layout, TitledMatrix, matrices
from tsexplorer.ui.study.cell import (
    cell_experiment_panel,
    cell_view,
    chosen_cell_view,
    experiment_panel,
)
from tsexplorer.ui.theme import escaped, palette

MEASURED_COST = "sweep.cost"
"""Session key of the sweep whose time was measured last, and of that time."""
CORNER = "λ ↓  T →"
ROW_WIDTH = 9.6
"""Width of a row over the height of a cell; with more columns than this, cells are square."""
NOTE = (
    "★ the best mean accuracy; framed: cannot be told apart from it, paired by seed. Click a cell "
    "for its results."
)
NO_VALUES: dict[GridMetricName, str] = {
    "accuracy": "No student has finished an epoch yet.",
    "gap": "There is no gap to close: the teacher is not better than the baseline, or one of them "
    "is not trained yet.",
    "agreement": "Agreement is computed when a student’s training ends.",
    "ece": "The calibration error is computed when a student’s training ends.",
}
INTERVALS = (
    "Intervals are 95 %: Student’s t over the seeds (other seeds, these images), or with one seed "
    "binomial over the images (other images, this seed). None is corrected for the number of "
    "cells: among many cells, some that truly differ look alike, and the best cell owes part of "
    "its lead to luck."
)


# -- own and ready-made maps ------------------------------------------------------------------


def sweep_view(service: Service, results: SweepResults, *, active: bool) -> None:
    """Draw the chosen cell, the map and the clicked cell; once training has ended, all figures."""
    chosen_cell_view(results)
    if not results.map.cells:
        st.caption("The map begins with the first finished epoch of a student.")
        return
    cell = map_view(results)
    if cell is not None:
        cell_view(results, cell, lambda: cell_experiment_panel(service, results, cell))
    if not active:
        figures_view(results, cell)


def published_map_view(
    service: Service, published: PublishedMap, fill: Callable[[SweepSpec], None]
) -> None:
    """Draw a ready-made map in a fragment, so that a click on a cell redraws only the map.

    Args:
        service: trains cells.
        published: the map.
        fill: puts a sweep's settings into the form.
    """
    st.fragment(_draw_published_map)(service, published, fill)


def _draw_published_map(
    service: Service, published: PublishedMap, fill: Callable[[SweepSpec], None]
) -> None:
    with show_errors():
        results = published.results
        _map_info(published, fill)
        chosen_cell_view(results)
        cell = map_view(results)
        if cell is not None:
            cell_view(results, cell, lambda: _train_cell_panel(service, results, cell))
        figures_view(results, cell, row=published.entry.lam)


def _map_info(published: PublishedMap, fill: Callable[[SweepSpec], None]) -> None:
    """Draw question and answer of a ready-made map, its provenance and how to reproduce it."""
    entry, spec = published.entry, published.results.sweep.spec
    info = get_dataset(spec.base.data.name).info
    seeds = ", ".join(map(str, spec.seeds))
    with st.container(border=True, key="finding"):
        st.markdown(entry.question)
        if entry.answer:
            st.markdown(f"**{entry.answer}**")
        st.caption(
            escaped(
                "This ready-made map has figures, but no nets. "
                f"{info.title}; {format_count(len(spec.students))} students, seeds {seeds}, "
                f"{spec.base.distilled_train.epochs} epochs each; trained on {published.machine} "
                f"in {duration(published.seconds)}, {published.date:%-d %B %Y}, version "
                f"{published.version}. Its teacher on test: "
                f"{estimate_in_words(published.teacher_test)}. To reproduce the figures:"
            )
        )
        st.code(training_command(entry), language="sh", wrap_lines=True)
        if st.button(
            "Copy settings to the form",
            key="finding_fill",
            icon=":material/edit_note:",
            help="Fill the form with the data, nets, schedules and grid of this map.",
            on_click=fill,
            args=(spec,),
        ):
            st.rerun()  # the form is not part of this fragment


def _train_cell_panel(service: Service, results: SweepResults, cell: Cell) -> None:
    """Draw a button that trains a cell of a ready-made map as an experiment."""
    sweep = results.sweep.spec
    experiment = sweep.experiment(cell, sweep.seeds[:1])
    check = service.check(experiment)
    untrained = sum(stage.spec.hash not in check.trained for stage in check.stages)
    dataset = sweep.base.data.name
    available = service.dataset_available(dataset)

    def draw_button() -> bool:
        st.caption(
            f"The nets of this map do not ship. As an experiment with seed {sweep.seeds[0]}, the "
            f"cell has {len(check.stages)} nets; {untrained} of them are not trained here yet."
        )
        if untrained and not available:
            st.caption(
                f"The images of {escaped(get_dataset(dataset).info.title)} are not downloaded: "
                "copy the settings to the form to download them."
            )
        with st.container(horizontal=True):
            pressed = st.button(
                "Train this cell",
                key="train_cell",
                icon=":material/play_arrow:",
                disabled=bool(untrained) and not available,
            )
            if untrained and available:
                cost_button(service, _single_cell(sweep, cell), "cell_cost")
        return pressed

    experiment_panel(
        service,
        (results.sweep.id, cell),
        draw_button,
        lambda: service.studies.start_experiment(experiment),
    )


def _single_cell(sweep: SweepSpec, cell: Cell) -> SweepSpec:
    """Return a sweep with one cell and one seed: the same trainings as the experiment."""
    grid = {
        "temperatures": (cell.temperature,),
        "lambdas": (cell.lam,),
        "learning_rates": (cell.learning_rate,),
        "seeds": sweep.seeds[:1],
    }
    return sweep.model_copy(update=grid)


def cost_button(service: Service, sweep: SweepSpec, key: str) -> None:
    """Draw a button that measures, in a few seconds, how long a sweep takes; then the time."""
    document = sweep.to_json()
    if st.button("How long will it take?", key=key, icon=":material/timer:"):
        with st.spinner("Measuring a few steps on this machine"):
            st.session_state[MEASURED_COST] = (document, service.studies.cost(sweep))
    measured, seconds = st.session_state.get(MEASURED_COST, (None, None))
    if measured == document:
        st.markdown(
            f"About **{duration(seconds)}** on this machine without other work; shorter with early "
            "stopping."
        )


# -- the map ----------------------------------------------------------------------------------


def map_view(results: SweepResults) -> Cell | None:
    """Draw the map with its baseline and teacher; return the cell that the user has chosen."""
    spec, sweep_map = results.sweep.spec, results.map
    metric: GridMetricName = st.segmented_control(
        "Colours show",
        list(GRID_METRICS),
        default="accuracy",
        key="sweep.measure",
        format_func=lambda name: GRID_METRICS[name].name,
        required=True,
    )
    cell = None
    if all(math.isnan(metric_mean(result, metric)) for result in sweep_map.cells):
        st.info(NO_VALUES[metric], icon=":material/info:")
    else:
        cell = _matrices(results, metric)
    st.caption(f"{GRID_METRICS[metric].meaning} {provenance(results)}")
    baseline = "λ = 1" if spec.baseline_in_grid else "labels alone"
    st.markdown(
        f"Baseline ({baseline}): **{estimate_in_words(sweep_map.baseline)}** on validation"
        f"{_baseline_rate_text(results)}. Teacher: **{estimate_in_words(sweep_map.teacher)}**."
    )
    st.caption(INTERVALS)
    return cell


def _matrices(results: SweepResults, metric: GridMetricName) -> Cell | None:
    """Draw a matrix for each learning rate; return the chosen cell."""
    sweep, sweep_map = results.sweep.spec, results.map
    rows, columns = grid_rows(sweep), grid_columns(sweep)
    remarks = _progress_remarks(results)
    several_rates = len(sweep.rates) > 1
    chosen = matrices(
        [
            TitledMatrix(
                f"Learning rate {format_number(rate)}"
                if several_rates
                else GRID_METRICS[metric].name,
                map_cells(sweep, sweep_map, rate, metric, remarks),
            )
            for rate in sweep.rates
        ],
        Layout(
            rows=Axis([_row_title(lam, sweep) for lam in rows]),
            columns=Axis([format_number(value) for value in columns]),
            corner=CORNER,
            note=NOTE,
            label="Map over T and λ",
            corner_shown=True,
            apart=True,
            aspect=max(1.0, ROW_WIDTH / len(columns)),
        ),
        file_name=f"map-{metric}",
        key=f"map_{results.sweep.id}",
    )
    if chosen is None:
        return None
    return Cell(columns[chosen.column], rows[chosen.row], sweep.rates[chosen.matrix])


def _row_title(lam: float, sweep: SweepSpec) -> str:
    title = format_number(lam)
    return f"{title} = labels" if lam == 1 and sweep.baseline_in_grid else title


def _baseline_rate_text(results: SweepResults) -> str:
    rate = results.map.baseline_rate
    if rate is None or len(results.sweep.spec.rates) == 1:
        return ""
    return f", at its best learning rate, {format_number(rate)}"


def _progress_remarks(results: SweepResults) -> dict[Cell, str]:
    """Return the progress of each cell whose students are still in training."""
    spec = results.sweep.spec
    remarks = {}
    for cell in spec.cells:
        hashes = [spec.student(cell, seed).hash for seed in spec.seeds]
        running = [stage_hash for stage_hash in hashes if stage_hash not in results.done]
        if running:
            epoch = min(results.epochs.get(stage_hash, 0) for stage_hash in running)
            remarks[cell] = (
                f"{len(hashes) - len(running)} of {len(hashes)} seeds done, "
                f"the others at epoch {epoch} of {spec.base.distilled_train.epochs}"
            )
    return remarks


def provenance(results: SweepResults) -> str:
    """Return split, data, seeds, teacher and loss convention of the map's figures."""
    spec = results.sweep.spec
    info = get_dataset(spec.base.data.name).info
    seeds = ", ".join(str(seed) for seed in spec.seeds)
    teacher = (
        f"all students learn from the teacher of seed {spec.seeds[0]}"
        if spec.teachers == "shared"
        else "each seed has its own teacher"
    )
    objective = get_objective(spec.base.objective.name)
    return escaped(
        f"Validation split of {info.title} ({info.validation:,} images), "
        f"seed{'s' * (len(spec.seeds) > 1)} {seeds}; {teacher}; "
        f"{objective.format_grid_convention(spec.base.objective)}."
    )


# -- figures and the table --------------------------------------------------------------------


def figures_view(results: SweepResults, cell: Cell | None, *, row: float | None = None) -> None:
    """Draw slices through a cell, a figure of all axes, and the table.

    Args:
        results: of the sweep.
        cell: the cell that the user has chosen, if any.
        row: without a chosen cell, slices go through the best cell of this λ; None for the best
            cell of the map.
    """
    spec, sweep_map = results.sweep.spec, results.map
    best = sweep_map.best if row is None else best_cell_of_row(sweep_map, row)
    centre = cell or best
    if centre is None:
        return
    st.subheader("Slices", anchor=False)
    centre_text = "the best cell" if row is None else f"the best cell of λ = {format_number(row)}"
    if cell is not None:
        centre_text = "the cell you chose"
    st.caption(
        f"Through {centre_text}: bold with its 95 % band; thin lines are the other values. Choose "
        "another cell in the map to move them. Dashed: the baseline with its band. "
        f"{provenance(results)}"
    )
    left, right = st.columns(2)
    with left:
        curves = slices(spec, sweep_map, "T", centre)
        figure(slice_figure(curves, sweep_map.baseline, "T", palette()), "slice_T")
    with right:
        curves = slices(spec, sweep_map, "λ", centre)
        figure(slice_figure(curves, sweep_map.baseline, "λ", palette()), "slice_lambda")
    if len(spec.rates) > 1:
        st.subheader("All axes at once", anchor=False)
        st.caption(
            "One line per cell; drag along an axis to filter lines. Mean validation accuracy."
        )
        figure(parallel_figure(spec, sweep_map, palette()), "parallel")
    table = map_table(spec, sweep_map)
    with st.expander("The map as a table", icon=":material/table:"):
        st.dataframe(table.round(3), hide_index=True)
        st.caption(f"Percent; low and high are the ends of 95 % intervals. {provenance(results)}")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        csv_button(table, f"sweep-{results.sweep.name}")
        image_format_control()


def map_table(sweep: SweepSpec, sweep_map: SweepMap) -> pd.DataFrame:
    """Return a row for each cell; shares in percent, on validation."""
    rows = []
    for result in sweep_map.cells:
        row: dict[str, Any] = {"T": result.cell.temperature, "λ": result.cell.lam}
        if len(sweep.rates) > 1:
            row["Learning rate"] = result.cell.learning_rate
        row |= {"Best": result.cell == sweep_map.best, "May be best": result.may_be_best}
        for name, metric in GRID_METRICS.items():
            row |= _estimate_columns(metric.name, getattr(result, name))
        row |= {"Seeds": result.accuracy.seeds, "Interval": result.accuracy.method}
        rows.append(row)
    return pd.DataFrame(rows)


def _estimate_columns(title: str, estimate: Estimate | None) -> dict[str, float | None]:
    values = (None, None, None) if estimate is None else estimate[:3]
    return {
        f"{title}{suffix} (%)": None if value is None or math.isnan(value) else 100 * value
        for suffix, value in zip(("", " low", " high"), values, strict=True)
    }
