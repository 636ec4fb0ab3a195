"""Train: choose two nets, T and λ; watch their training."""

from typing import Any

import streamlit as st

from tsexplorer.errors import NotFoundError
from tsexplorer.objectives import get_objective
from tsexplorer.planning import stage_noun
from tsexplorer.services import ExperimentSnapshot, Service, demo
from tsexplorer.specs import ExperimentSpec
from tsexplorer.ui import forms
from tsexplorer.ui.app_state import get_service, show_errors
from tsexplorer.ui.live import live_view, result_view
from tsexplorer.ui.net_form import compare_nets, nets_form
from tsexplorer.ui.objective_form import net_pair, objective_form
from tsexplorer.ui.router import path_of, scroll_target
from tsexplorer.ui.study.job_bar import other_jobs
from tsexplorer.ui.teachers import ensemble_view, further_teachers_form
from tsexplorer.ui.theme import escaped, start_button, title_of
from tsexplorer.ui.url_state import COMPARED, EXPERIMENT, shown_experiment
from tsexplorer.ui.widgets import download_panel, export_button


def main() -> None:
    service = get_service()
    forms.initialise_form()
    st.title("Train", anchor=False)
    st.markdown(
        "Pick a large net and a small one. Three trainings follow: the **teacher**, the small net "
        "on its own (**baseline**), and the small net taught by the teacher (**distilled**)."
    )
    left, right = st.columns([2, 3], gap="large")
    with left, show_errors():
        settings_form(service)
    with right, scroll_target(), show_errors():
        experiment_view(service)


def settings_form(service: Service) -> None:
    """Draw the form, the sizes of the two nets, and the start button."""
    first, second = st.columns([3, 2], vertical_alignment="bottom")
    with second:
        forms.recipe_picker("A recipe fills in the whole form.")
    with first:
        data = forms.data_form()
    available = download_panel(service, data.name)
    teacher, student = nets_form()
    sizes = st.container()  # drawn last, so that an error in a net hides nothing else
    ensemble = further_teachers_form(data.name, teacher)
    objective = objective_form(net_pair(data.name, teacher, student))
    button = st.container()
    more = st.expander(
        "Name, seeds, schedule and precision",
        icon=":material/tune:",
        key=forms.MORE_OPEN,
        on_change="rerun",
    )
    if more.open:  # its thirty controls take longer to draw than the rest of the form
        with more:
            name = forms.name_form()
            seeds, warm_start = forms.seeds_and_warm_start_form()
            excluded_classes = forms.excluded_classes_form(data.name)
            forms.scaling_form()
            label_share = forms.label_share_form()
            schedules = forms.schedules_form()
    else:
        name, seeds, warm_start, schedules = forms.stored_settings()
        excluded_classes = forms.stored_excluded_classes(data.name)
        label_share = forms.stored_label_share()
    several = bool(ensemble) and get_objective(objective.name).needs_teacher
    with sizes, show_errors():
        compare_nets(data.name, teacher, student, several=several)
    with button, show_errors():
        values: dict[Any, Any] = {
            "data": data,
            "teacher": teacher,
            "student": student,
            "objective": objective,
            "seeds": seeds,
            "warm_start": warm_start,
            "left_out": excluded_classes,
            "label_share": label_share,
            **ensemble,
            **schedules,
        }
        spec = forms.read_spec(ExperimentSpec, values)
        name = name or service.free_name(spec, forms.suggested_name(spec))
        start_panel(service, spec.model_copy(update={"name": name}), available)


def start_panel(service: Service, spec: ExperimentSpec, available: bool) -> None:
    """Draw the start button and what it would train.

    Args:
        service: checks and starts the experiment.
        spec: the experiment.
        available: whether the images are downloaded.
    """
    check = service.check(spec)
    for remark in check.remarks:
        st.info(remark, icon=":material/info:")
    untrained = sum(stage.spec.hash not in check.trained for stage in check.stages)
    noun = stage_noun(stage.role for stage in check.stages)
    label = "Show result (already trained)" if check.complete else "Train"
    if start_button(label, "start", disabled=not check.complete and not available):
        st.query_params[EXPERIMENT] = service.studies.start(check).id
        st.rerun()
    if check.trained and untrained:
        st.caption(f"Trains {untrained} of {len(check.stages)} {noun}; the others are reused.")
    else:
        st.caption(f"{len(check.stages)} {noun}, as “{escaped(spec.name)}”")


def experiment_view(service: Service) -> None:
    """Draw the experiment that the URL names; by default an active one, the newest or the demo."""
    try:
        experiment = shown_experiment(service)
    except NotFoundError as error:
        st.warning(f"{escaped(str(error))} Shown instead: the demo.", icon=":material/link_off:")
        experiment = service.experiment(demo.NAME)
    st.subheader(escaped(title_of(experiment)), anchor=False)
    live_view(service, experiment.id)
    if experiment.done:
        result_view(service, experiment)
        with show_errors():
            ensemble_view(service, experiment)
    actions(service, experiment)
    other_jobs(service, experiment.id)


def actions(service: Service, experiment: ExperimentSnapshot) -> None:
    """Draw the buttons that open or export an experiment, or copy its settings to the form."""
    with st.container(horizontal=True):
        if experiment.done:
            if experiment.spec.left_out and st.button(
                "Move the bias", key="never", icon=":material/visibility_off:", type="primary"
            ):
                st.switch_page(path_of("never_seen"), query_params={EXPERIMENT: experiment.id})
            export_button(service, experiment)
            if st.button("Soft targets", key="soft", icon=":material/blur_on:"):
                st.switch_page(path_of("soft_targets"), query_params={EXPERIMENT: experiment.id})
            if st.button("Compare", key="compare", icon=":material/compare_arrows:"):
                st.switch_page(path_of("compare"), query_params={COMPARED: [experiment.id]})
        st.button(
            "Copy settings to the form",
            key="refill",
            icon=":material/edit_note:",
            on_click=forms.fill,
            args=(experiment.spec,),
            help="Fill the form with the settings of this experiment, to change some of them and "
            "train again",
        )


main()
