"""One cell of the map: its figures, and the way to make it an experiment."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from tsexplorer.plots.grid_metrics import cell_in_words, in_words, rank_in_words
from tsexplorer.services import ExperimentSnapshot, Service
from tsexplorer.studies.grid_results import CellResult
from tsexplorer.studies.student_stages import Cell
from tsexplorer.studies.sweep.results import SweepResults
from tsexplorer.studies.sweep.spec import SweepSpec
from tsexplorer.ui.app_state import sentences
from tsexplorer.ui.router import path_of
from tsexplorer.ui.theme import escaped, title_of
from tsexplorer.ui.url_state import COMPARED, EXPERIMENT

ADOPTED = "sweep.adopted"
NAMES_SHOWN = 6


def chosen_view(figures: SweepResults) -> None:
    """The cell chosen on validation, its test accuracy, and how sure the choice is."""
    chosen = figures.chosen
    if chosen is None:
        return
    sweep, found = figures.sweep.spec, figures.map
    st.subheader("The cell chosen on validation", anchor=False)
    st.markdown(
        f"**{cell_in_words(chosen.cell, sweep)}**, test accuracy **{in_words(chosen.test)}**, "
        "read once, after the choice."
    )
    cells = _distinct(sweep, [chosen.cell, *(one.cell for one in found.cells)])[1:]
    near = {one.cell for one in found.cells if one.may_be_best}
    others = [cell for cell in cells if cell in near]
    st.markdown(_how_sure(sweep, others, len(cells)))
    if any(_is_baseline(sweep, cell) for cell in (chosen.cell, *others)):
        st.info(
            "The baseline is among the best: with these seeds, no setting is shown to gain "
            "accuracy by the teacher.",
            icon=":material/balance:",
        )


def _how_sure(sweep: SweepSpec, near: Sequence[Cell], others: int) -> str:
    if not near:
        return "All other settings lie behind it." if others else "It is the only setting."
    names = "; ".join(cell_in_words(cell, sweep) for cell in near[:NAMES_SHOWN])
    more = f"; and {len(near) - NAMES_SHOWN} more" if len(near) > NAMES_SHOWN else ""
    return (
        f"{len(near)} of {others} other settings cannot be told apart from it (framed in the "
        f"map): {names}{more}. The choice among them is partly luck."
    )


def _distinct(sweep: SweepSpec, cells: Sequence[Cell]) -> list[Cell]:
    """The first of those cells that are one and the same training."""
    seed = sweep.seeds[0]
    first: dict[str, Cell] = {}
    for cell in cells:
        first.setdefault(sweep.student(cell, seed).hash, cell)
    return list(first.values())


def _is_baseline(sweep: SweepSpec, cell: Cell) -> bool:
    return cell.lam == 1 and sweep.baseline_in_grid


def cell_view(figures: SweepResults, cell: Cell, further: Callable[[], None]) -> None:
    """Figures of one cell, and below them what can be done with it.

    Args:
        figures: of its sweep.
        cell: which.
        further: draws what can be done.
    """
    result = next((one for one in figures.map.cells if one.cell == cell), None)
    if result is None:
        return
    with st.container(border=True, key="cell"):
        st.subheader(cell_in_words(cell, figures.sweep.spec), anchor=False)
        _figures(result, figures)
        further()


def _figures(result: CellResult, figures: SweepResults) -> None:
    means = "–" if result.gap_of_means is None else f"{100 * result.gap_of_means:.0f} %"
    lines = {
        "Validation accuracy": in_words(result.accuracy),
        "Gap closed": f"{in_words(result.gap)}; of mean accuracies {means}",
        "Agreement with the teacher": in_words(result.agreement),
        "Expected calibration error": in_words(result.ece),
        "Rank": rank_in_words(result, figures.map.best),
    }
    st.markdown("\n".join(f"- {name}: {words}" for name, words in lines.items()))


def adopt_view(service: Service, figures: SweepResults, cell: Cell) -> None:
    """Offer a cell of a sweep that is done as an experiment."""
    spec = figures.sweep.spec
    if figures.sweep.status != "done":
        st.caption("It can be made an experiment when the sweep is done.")
        return

    def ask() -> bool:
        if spec.teachers == "shared" and len(spec.seeds) > 1:
            st.caption(
                f"The experiment has seed {spec.seeds[0]} alone: the sweep’s other seeds share "
                "that seed’s teacher, and an experiment has one a seed."
            )
        return st.button("Make it an experiment", key="adopt", icon=":material/science:")

    place = (figures.sweep.id, cell)
    experiment_view(
        service, place, ask, lambda: service.studies.make_experiment(figures.sweep.id, cell)
    )


def experiment_view(
    service: Service,
    place: tuple[str, Cell],
    ask: Callable[[], bool],
    make: Callable[[], ExperimentSnapshot],
) -> None:
    """Ask whether a cell is to be an experiment; once it is, lead to it.

    Args:
        service: where experiments are.
        place: the map and its cell.
        ask: draws the question; says whether the answer is yes.
        make: makes it one.
    """
    adopted: dict[tuple[str, Cell], str] = st.session_state.setdefault(ADOPTED, {})
    if place not in adopted:
        if ask():
            with sentences():
                adopted[place] = make().id
                st.rerun()
        return
    with sentences():
        links(service.experiment(adopted[place]))


def links(experiment: ExperimentSnapshot) -> None:
    """The ways to an experiment that was made of a setting."""
    words = f"It is the experiment **{escaped(title_of(experiment))}**"
    if not experiment.done:
        done = sum(link.stage.status == "done" for link in experiment.stages)
        words += f"; {done} of its {len(experiment.stages)} nets are trained, the rest is queued"
    st.markdown(f"{words}.")
    with st.container(horizontal=True):
        for label, icon, page in (
            ("Train", ":material/model_training:", "train"),
            ("Compare", ":material/compare_arrows:", "compare"),
            ("Soft targets", ":material/blur_on:", "soft_targets"),
            ("Try a digit", ":material/draw:", "try_digit"),
        ):
            if st.button(label, key=f"to_{page}", icon=icon):
                key = COMPARED if page == "compare" else EXPERIMENT
                st.switch_page(path_of(page), query_params={key: experiment.id})
