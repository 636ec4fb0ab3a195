"""Train: choose two nets, T and lambda; watch them learn."""

import streamlit as st

from tsexplorer.errors import NotFoundError, UserError
from tsexplorer.recipes import get_recipe, recipe_names
from tsexplorer.service import Service
from tsexplorer.specs import ExperimentSpec
from tsexplorer.ui import forms
from tsexplorer.ui.downloads import download_panel
from tsexplorer.ui.live import live_view, result
from tsexplorer.ui.nets import compare_nets
from tsexplorer.ui.process import get_service, sentences
from tsexplorer.ui.queue import queue_view
from tsexplorer.ui.router import guard
from tsexplorer.ui.state import EXPERIMENT, shown_experiment


def main() -> None:
    service = get_service()
    forms.fill_once()
    st.title("Train")
    st.markdown(
        "Pick a large net and a small one. Three trainings follow: the **teacher**, the small net "
        "on its own (**baseline**), and the small net taught by the teacher (**distilled**)."
    )
    left, right = st.columns([2, 3], gap="large")
    with left:
        settings(service)
    with right:
        progress(service)


def settings(service: Service) -> None:
    """The form, the two nets side by side, and the start button."""
    recipe_picker()
    spec = None
    with sentences():
        data = forms.data_form()
        first, second = st.columns(2)
        with first:
            teacher = forms.net_form("teacher", "Teacher net", "wu-cnn")
        with second:
            student = forms.net_form("student", "Student net", "mlp-64")
        compare_nets(data.name, teacher, student)
        objective = forms.objective_form()
        with st.expander("Schedule, seeds and precision", icon=":material/tune:"):
            seeds, warm_start = forms.repeat_form()
            trains = forms.train_forms()
        spec = forms.named(
            ExperimentSpec(
                data=data,
                teacher=teacher,
                student=student,
                objective=objective,
                seeds=tuple(range(seeds)),
                warm_start=warm_start,
                **trains,
            )
        )
    available = download_panel(service, st.session_state["data"])
    if spec is not None:
        start(service, spec, available)


def recipe_picker() -> None:
    """Fill the form from a recipe."""
    names = recipe_names()
    with st.popover("Fill in from a recipe", icon=":material/menu_book:"):
        for name in names:
            recipe = get_recipe(name)
            st.button(
                recipe.title,
                key=f"recipe_{name}",
                help=recipe.summary,
                on_click=forms.fill,
                args=(recipe.spec,),
                width="stretch",
            )


def start(service: Service, spec: ExperimentSpec, available: bool) -> None:
    """What pressing the button would train, and the button."""
    with sentences():
        check = service.check(spec)
        for remark in check.remarks:
            st.info(remark, icon=":material/info:")
        todo = len(check.planned) - len(check.trained)
        if check.trained:
            st.caption(
                f"{len(check.trained)} of {len(check.planned)} nets are trained already and will "
                "be reused."
            )
        label = "Train" if todo else "Show (all nets are trained)"
        if st.button(
            label,
            key="start",
            type="primary",
            icon=":material/play_arrow:",
            width="stretch",
            disabled=not available,
        ):
            job = service.start(spec)
            st.query_params[EXPERIMENT] = job.experiment_id
            st.rerun()


def progress(service: Service) -> None:
    """The experiment that the URL names, live; without one, the one at work, or the demo."""
    try:
        experiment = shown_experiment(service)
    except NotFoundError as error:
        st.warning(f"{error} Shown instead: the demo.", icon=":material/link_off:")
        experiment = service.experiment("demo")
    st.subheader(experiment.name, anchor=False)
    with sentences():
        live_view(service, experiment.id)
    watch = service.watch(experiment.id)
    if experiment.done:
        result(service, watch)
        st.page_link("pages/compare.py", label="Compare", icon=":material/compare_arrows:")
    queue_view(service, experiment.id)


guard()
try:
    main()
except UserError as error:
    st.error(str(error))
