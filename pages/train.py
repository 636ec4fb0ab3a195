"""Train: choose two nets, T and lambda; watch them learn."""

from typing import Any

import streamlit as st

from tsexplorer.errors import NotFoundError
from tsexplorer.objectives import get_objective
from tsexplorer.planning import counted_as
from tsexplorer.services import ExperimentSnapshot, Service, demo
from tsexplorer.specs import ExperimentSpec
from tsexplorer.ui import forms, teachers
from tsexplorer.ui.app_state import get_service, sentences
from tsexplorer.ui.downloads import download_panel
from tsexplorer.ui.export_button import take_away
from tsexplorer.ui.forms import left_out_as_it_stands, left_out_form
from tsexplorer.ui.live import live_view, result
from tsexplorer.ui.net_form import compare_nets, nets_form
from tsexplorer.ui.objective_form import objective_form, pair
from tsexplorer.ui.router import path_of
from tsexplorer.ui.scroll import goal
from tsexplorer.ui.study.job_bar import other_jobs
from tsexplorer.ui.teachers import ensemble_view
from tsexplorer.ui.theme import escaped, go_button, title_of
from tsexplorer.ui.url_state import COMPARED, EXPERIMENT, shown_experiment


def main() -> None:
    service = get_service()
    forms.begin()
    st.title("Train", anchor=False)
    st.markdown(
        "Pick a large net and a small one. Three trainings follow: the **teacher**, the small net "
        "on its own (**baseline**), and the small net taught by the teacher (**distilled**)."
    )
    left, right = st.columns([2, 3], gap="large")
    with left, sentences():
        settings(service)
    with right, goal(), sentences():
        progress(service)


def settings(service: Service) -> None:
    """The form, the two nets side by side, and the start button."""
    first, second = st.columns([3, 2], vertical_alignment="bottom")
    with second:
        forms.recipe_picker("A recipe fills in the whole form.")
    with first:
        data = forms.data_form()
    available = download_panel(service, data.name)
    teacher, student = nets_form()
    nets = st.container()  # filled last: an impossible net takes only its own place
    ensemble = teachers.form(data.name, teacher)
    objective = objective_form(pair(data.name, teacher, student))
    button = st.container()
    more = st.expander(
        "Name, seeds, schedule and precision",
        icon=":material/tune:",
        key=forms.MORE,
        on_change="rerun",
    )
    if more.open:  # thirty controls that few visits need: drawing them takes longer than the rest
        with more:
            name = forms.name_form()
            seeds, warm_start = forms.repeat_form()
            left_out = left_out_form(data.name)
            forms.scaling_form()
            trains = forms.train_forms()
    else:
        name, seeds, warm_start, trains = forms.as_they_stand()
        left_out = left_out_as_it_stands(data.name)
    several = bool(ensemble) and get_objective(objective.name).needs_teacher
    with nets, sentences():
        compare_nets(data.name, teacher, student, several=several)
    with button, sentences():
        values: dict[Any, Any] = {
            "data": data,
            "teacher": teacher,
            "student": student,
            "objective": objective,
            "seeds": seeds,
            "warm_start": warm_start,
            "left_out": left_out,
            **ensemble,
            **trains,
        }
        spec = forms.read(ExperimentSpec, values)
        name = name or service.free_name(spec, forms.suggested_name(spec))
        start(service, spec.model_copy(update={"name": name}), available)


def start(service: Service, spec: ExperimentSpec, available: bool) -> None:
    """What pressing the button would train, and the button."""
    check = service.check(spec)
    for remark in check.remarks:
        st.info(remark, icon=":material/info:")
    left = sum(stage.spec.hash not in check.trained for stage in check.stages)
    counted = counted_as(stage.role for stage in check.stages)
    label = "Show result (already trained)" if check.complete else "Train"
    if go_button(label, "start", held=not check.complete and not available):
        st.query_params[EXPERIMENT] = service.studies.start(check).id
        st.rerun()
    if check.trained and left:
        st.caption(f"Trains {left} of {len(check.stages)} {counted}; the others are reused.")
    else:
        st.caption(f"{len(check.stages)} {counted}, as “{escaped(spec.name)}”")


def progress(service: Service) -> None:
    """The experiment that the URL names, live; without one, the one at work, or the demo."""
    try:
        experiment = shown_experiment(service)
    except NotFoundError as error:
        st.warning(f"{escaped(str(error))} Shown instead: the demo.", icon=":material/link_off:")
        experiment = service.experiment(demo.NAME)
    st.subheader(escaped(title_of(experiment)), anchor=False)
    live_view(service, experiment.id)
    if experiment.done:
        result(service, experiment)
        with sentences():
            ensemble_view(service, experiment)
    ways_on(service, experiment)
    other_jobs(service, experiment.id)


def ways_on(service: Service, experiment: ExperimentSnapshot) -> None:
    """Where one can go from an experiment."""
    with st.container(horizontal=True):
        if experiment.done:
            if experiment.spec.left_out and st.button(
                "Move the bias", key="never", icon=":material/visibility_off:", type="primary"
            ):
                st.switch_page(path_of("never_seen"), query_params={EXPERIMENT: experiment.id})
            take_away(service, experiment)
            if st.button("Look into its soft targets", key="soft", icon=":material/blur_on:"):
                st.switch_page(path_of("soft_targets"), query_params={EXPERIMENT: experiment.id})
            if st.button("Compare", key="compare", icon=":material/compare_arrows:"):
                st.switch_page(path_of("compare"), query_params={COMPARED: [experiment.id]})
        st.button(
            "Fill the form with it",
            key="refill",
            icon=":material/edit_note:",
            on_click=forms.fill,
            args=(experiment.spec,),
            help="Put these settings into the form, to change some and train again",
        )


main()
