"""A cell of a map: the cell chosen on validation, a clicked cell, and experiments made of cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from tsexplorer.plots.grid_metrics import cell_in_words, estimate_in_words, rank_in_words
from tsexplorer.services import ExperimentSnapshot, Service
from tsexplorer.studies.grid_results import CellResult
from tsexplorer.studies.student_stages import Cell
from tsexplorer.studies.sweep.results import SweepResults
from tsexplorer.studies.sweep.spec import SweepSpec
from tsexplorer.ui.app_state import show_errors
from tsexplorer.ui.router import path_of
from tsexplorer.ui.theme import escaped, title_of
from tsexplorer.ui.url_state import COMPARED, EXPERIMENT

EXPERIMENTS = "sweep.adopted"
"""Session key of the experiments made of cells, by map and cell."""
MAX_NAMES = 6


def chosen_cell_view(results: SweepResults) -> None:
    """Draw the cell chosen on validation, its test accuracy, and the cells that may be as good."""
    chosen = results.chosen
    if chosen is None:
        return
    sweep = results.sweep.spec
    st.subheader("The cell chosen on validation", anchor=False)
    st.markdown(
        f"**{cell_in_words(chosen.cell, sweep)}**, test accuracy "
        f"**{estimate_in_words(chosen.test)}**, read once, after the choice."
    )
    cells = [chosen.cell, *(result.cell for result in results.map.cells)]
    others = _distinct_trainings(sweep, cells)[1:]
    may_be_best = {result.cell for result in results.map.cells if result.may_be_best}
    candidates = [cell for cell in others if cell in may_be_best]
    st.markdown(_certainty_text(sweep, candidates, len(others)))
    if any(_is_baseline(sweep, cell) for cell in (chosen.cell, *candidates)):
        st.info(
            "The baseline is among the best: these seeds do not show that the teacher improves "
            "accuracy.",
            icon=":material/balance:",
        )


def _certainty_text(sweep: SweepSpec, candidates: Sequence[Cell], others: int) -> str:
    if not candidates:
        return "All other settings are behind it." if others else "It is the only setting."
    names = "; ".join(cell_in_words(cell, sweep) for cell in candidates[:MAX_NAMES])
    more = len(candidates) - MAX_NAMES
    rest = f"; and {more} more" if more > 0 else ""
    return (
        f"{len(candidates)} of {others} other settings cannot be told apart from it (framed in "
        f"the map): {names}{rest}. The choice among them is partly luck."
    )


def _distinct_trainings(sweep: SweepSpec, cells: Sequence[Cell]) -> list[Cell]:
    """Return the cells without those that train the same student as an earlier cell."""
    seed = sweep.seeds[0]
    first_cells: dict[str, Cell] = {}
    for cell in cells:
        first_cells.setdefault(sweep.student(cell, seed).hash, cell)
    return list(first_cells.values())


def _is_baseline(sweep: SweepSpec, cell: Cell) -> bool:
    return cell.lam == 1 and sweep.baseline_in_grid


def cell_view(results: SweepResults, cell: Cell, draw_actions: Callable[[], None]) -> None:
    """Draw the results of a cell, and actions below them.

    Args:
        results: of the sweep.
        cell: the cell.
        draw_actions: draws the actions.
    """
    result = next((result for result in results.map.cells if result.cell == cell), None)
    if result is None:
        return
    with st.container(border=True, key="cell"):
        st.subheader(cell_in_words(cell, results.sweep.spec), anchor=False)
        st.markdown(_result_text(result, results))
        draw_actions()


def _result_text(result: CellResult, results: SweepResults) -> str:
    gap_of_means = "–" if result.gap_of_means is None else f"{100 * result.gap_of_means:.0f} %"
    lines = {
        "Validation accuracy": estimate_in_words(result.accuracy),
        "Gap closed": f"{estimate_in_words(result.gap)}; of mean accuracies {gap_of_means}",
        "Agreement with the teacher": estimate_in_words(result.agreement),
        "Expected calibration error": estimate_in_words(result.ece),
        "Rank": rank_in_words(result, results.map.best),
    }
    return "\n".join(f"- {title}: {value}" for title, value in lines.items())


def cell_experiment_panel(service: Service, results: SweepResults, cell: Cell) -> None:
    """Draw a button that makes an experiment of a cell, once the sweep is done."""
    spec = results.sweep.spec
    if results.sweep.status != "done":
        st.caption("When the sweep is done, this cell can be made an experiment.")
        return

    def draw_button() -> bool:
        if spec.teachers == "shared" and len(spec.seeds) > 1:
            st.caption(
                f"The experiment has seed {spec.seeds[0]} only: the sweep’s other seeds share its "
                "teacher, and an experiment has a teacher for each seed."
            )
        return st.button("Make it an experiment", key="adopt", icon=":material/science:")

    experiment_panel(
        service,
        (results.sweep.id, cell),
        draw_button,
        lambda: service.studies.make_experiment(results.sweep.id, cell),
    )


def experiment_panel(
    service: Service,
    key: tuple[str, Cell],
    draw_button: Callable[[], bool],
    make: Callable[[], ExperimentSnapshot],
) -> None:
    """Draw a button that makes an experiment of a cell; then links to the experiment.

    Args:
        service: source of the experiment.
        key: id of the map, and the cell.
        draw_button: draws the button; returns whether it was pressed.
        make: makes the experiment.
    """
    experiments: dict[tuple[str, Cell], str] = st.session_state.setdefault(EXPERIMENTS, {})
    if key not in experiments:
        if draw_button():
            with show_errors():
                experiments[key] = make().id
                st.rerun()
        return
    with show_errors():
        experiment_links(service.experiment(experiments[key]))


def experiment_links(experiment: ExperimentSnapshot) -> None:
    """Draw the name of an experiment and buttons that open it on other pages."""
    text = f"It is the experiment **{escaped(title_of(experiment))}**"
    if not experiment.done:
        done = sum(link.stage.status == "done" for link in experiment.stages)
        text += f"; {done} of its {len(experiment.stages)} nets are trained, the rest is queued"
    st.markdown(f"{text}.")
    with st.container(horizontal=True):
        for label, icon, page in (
            ("Train", ":material/model_training:", "train"),
            ("Compare", ":material/compare_arrows:", "compare"),
            ("Soft targets", ":material/blur_on:", "soft_targets"),
            ("Try an image", ":material/draw:", "try_digit"),
        ):
            if st.button(label, key=f"to_{page}", icon=icon):
                parameter = COMPARED if page == "compare" else EXPERIMENT
                st.switch_page(path_of(page), query_params={parameter: experiment.id})
