"""A finding that ships: the map as of a sweep, where it is from, and the way to train it here."""

from __future__ import annotations

import streamlit as st

from tsexplorer.analysis.formatting import counted, duration
from tsexplorer.data.registry import get_dataset
from tsexplorer.plots.grid_metrics import in_words
from tsexplorer.published.maps import Shipped, command
from tsexplorer.services import Service
from tsexplorer.studies.student_stages import Cell
from tsexplorer.studies.sweep.results import SweepResults
from tsexplorer.studies.sweep.spec import SweepSpec
from tsexplorer.ui.app_state import sentences
from tsexplorer.ui.study.cell import cell_view, chosen_view, experiment_view
from tsexplorer.ui.study.sweep import fill
from tsexplorer.ui.study.sweep_view import map_view, settled_view
from tsexplorer.ui.theme import escaped

COST = "finding.cost"


def finding_view(service: Service, found: Shipped) -> None:
    """Draw a finding; a click on a cell draws this part of the page alone anew."""
    st.fragment(_draw)(service, found)


def _draw(service: Service, found: Shipped) -> None:
    with sentences():
        figures = found.figures
        _about(found)
        chosen_view(figures)
        cell = map_view(figures)
        if cell is not None:
            cell_view(figures, cell, lambda: _train(service, figures, cell))
        settled_view(figures, cell, row=found.finding.lam)


def _about(found: Shipped) -> None:
    """What it asks and shows, where its figures are from, and how to have them again."""
    finding, spec = found.finding, found.figures.sweep.spec
    with st.container(border=True, key="finding"):
        st.markdown(finding.asks)
        if finding.shows:
            st.markdown(f"**{finding.shows}**")
        st.caption(_origin(found))
        st.code(command(finding), language="sh", wrap_lines=True)
        if st.button(
            "Fill the form with this map",
            key="finding_fill",
            icon=":material/edit_note:",
            help="Data, nets, schedules and grid, to be changed or trained as they are.",
            on_click=fill,
            args=(spec,),
        ):
            st.rerun()  # the form stands outside this part


def _origin(found: Shipped) -> str:
    spec = found.figures.sweep.spec
    info = get_dataset(spec.base.data.name).info
    seeds = ", ".join(map(str, spec.seeds))
    return escaped(
        "This map ships with the app as figures, without its nets. "
        f"{info.title}; {counted(len(spec.students))} students, seeds {seeds}, "
        f"{spec.base.distilled_train.epochs} epochs each; trained on {found.machine} in "
        f"{duration(found.seconds)}, {found.date:%-d %B %Y}, version {found.version}. "
        f"Its teacher on test: {in_words(found.teacher_test)}. The same again:"
    )


def _train(service: Service, figures: SweepResults, cell: Cell) -> None:
    """Offer a cell as an experiment to be trained here, and say what that takes."""
    spec = figures.sweep.spec
    wanted = spec.experiment(cell, spec.seeds[:1])
    checked = service.check(wanted)
    left = sum(stage.spec.hash not in checked.trained for stage in checked.stages)
    data = spec.base.data.name
    here = service.dataset_available(data)

    def ask() -> bool:
        st.caption(
            f"The nets of this map do not ship. As an experiment of seed {spec.seeds[0]} it has "
            f"{len(checked.stages)} nets, {left} of them still to be trained here."
        )
        if left and not here:
            st.caption(
                f"The images of {escaped(get_dataset(data).info.title)} are not here yet: fill "
                "the form with this map to fetch them."
            )
        with st.container(horizontal=True):
            pressed = st.button(
                "Train this cell",
                key="train_cell",
                icon=":material/play_arrow:",
                disabled=bool(left) and not here,
            )
            if left and here:
                _cost(service, _alone(spec, cell))
        return pressed

    experiment_view(
        service, (figures.sweep.id, cell), ask, lambda: service.studies.start_experiment(wanted)
    )


def _alone(spec: SweepSpec, cell: Cell) -> SweepSpec:
    """The cell with its teacher and its baseline: as many trainings as the experiment has."""
    grid = {
        "temperatures": (cell.temperature,),
        "lambdas": (cell.lam,),
        "learning_rates": (cell.learning_rate,),
        "seeds": spec.seeds[:1],
    }
    return spec.model_copy(update=grid)


def _cost(service: Service, spec: SweepSpec) -> None:
    asked = spec.to_json()
    if st.button("How long will it take?", key="cell_cost", icon=":material/timer:"):
        with st.spinner("Measuring a few steps on this machine"):
            st.session_state[COST] = (asked, service.studies.cost(spec))
    known, seconds = st.session_state.get(COST, (None, None))
    if known == asked:
        st.markdown(f"About **{duration(seconds)}** on this machine, if nothing else wants it.")
