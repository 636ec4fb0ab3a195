"""Compare: any experiments side by side."""

import streamlit as st

from tsexplorer.objectives import trained_teachers
from tsexplorer.plots.compare import accuracy_figure, cost_figure, curves_figure, last_epoch
from tsexplorer.plots.live import hidden_start_note
from tsexplorer.services import ExperimentSnapshot, Service, demo
from tsexplorer.ui import results
from tsexplorer.ui.app_state import get_service, show_errors
from tsexplorer.ui.figures import cached_figure
from tsexplorer.ui.router import path_of
from tsexplorer.ui.theme import escaped, palette, title_of
from tsexplorer.ui.url_state import COMPARED, EXPERIMENT, compared_experiments
from tsexplorer.ui.widgets import export_button

MAX_EXPERIMENTS = 6
COST_TITLES = {
    "parameters": "Parameters",
    "macs": "Multiply-accumulates per image",
    "bytes": "Bytes of the weights (fp32)",
    "latency": "Latency per image (ms, median, one thread)",
}
COST_LABELS = {
    "parameters": "Parameters",
    "macs": "Multiply-accumulates",
    "bytes": "Bytes",
    "latency": "Latency",
}
FIRST_TEACHER_NOTE = " Several teachers: the accuracy of the first."
PLOTLY_CONFIG = {"toImageButtonOptions": {"format": "svg"}, "displaylogo": False}


def main() -> None:
    service = get_service()
    st.title("Compare", anchor=False)
    with show_errors():
        experiments = choose_experiments(service)
        if not experiments:
            st.info("Choose at least one experiment.", icon=":material/checklist:")
            return
        accuracy_view(service, experiments)
        curves_view(service, experiments)
        costs_view(service, experiments)
        settings_view(experiments)
        manage_view(service, experiments)


def choose_experiments(service: Service) -> list[ExperimentSnapshot]:
    """Draw the choice of experiments and write it to the URL; the URL gives the first choice."""
    experiments = {experiment.id: experiment for experiment in service.experiments()}
    named, errors = compared_experiments(service)
    for error in errors:
        st.warning(escaped(error), icon=":material/link_off:")
    default = [experiment.id for experiment in named] or default_ids(list(experiments.values()))
    ids = st.multiselect(
        "Experiments",
        list(experiments),
        default=default,
        format_func=lambda experiment_id: title_of(experiments[experiment_id]),
        max_selections=MAX_EXPERIMENTS,
        key="compared",
    )
    if ids != st.query_params.get_all(COMPARED):
        st.query_params[COMPARED] = ids
    return [experiments[experiment_id] for experiment_id in ids]


def default_ids(experiments: list[ExperimentSnapshot]) -> list[str]:
    """Return the ids of the two newest trained experiments and of the demo."""
    trained = [
        experiment.id
        for experiment in experiments
        if experiment.done and not demo.is_demo(experiment)
    ]
    demos = [experiment.id for experiment in experiments if experiment.name == demo.NAME]
    return trained[:2] + demos


def accuracy_view(service: Service, experiments: list[ExperimentSnapshot]) -> None:
    """Draw accuracies with their intervals, and the table of results."""
    st.subheader("Accuracy and gap closed", anchor=False)
    split = st.segmented_control(
        "Split",
        ("test", "validation"),
        default="test",
        format_func=str.capitalize,
        key="split",
        required=True,
        help="Choices (best epoch, T, λ) are made on validation; test is read once, at the end.",
    )
    points = results.accuracy_points(service, experiments, split)
    if points:
        figure = cached_figure(accuracy_figure, points, palette(), split)
        st.plotly_chart(figure, key="accuracy", config=PLOTLY_CONFIG)
    st.dataframe(results.summary_table(service, experiments), hide_index=True)
    st.caption(
        "Table: test split. ± is the 95 % interval over seeds (Student's t), where there are "
        "several. Gap closed = (distilled − baseline) / (teacher − baseline), averaged over seeds; "
        "– where the teacher is not better than the baseline, or the student never saw some "
        "classes. Gap of means: the same formula, of the mean accuracies."
        + FIRST_TEACHER_NOTE
        * has_ensemble(experiments)
    )
    for experiment in experiments:
        st.caption(f"{escaped(title_of(experiment))}: {escaped(results.provenance(experiment))}")


def curves_view(service: Service, experiments: list[ExperimentSnapshot]) -> None:
    """Draw validation accuracy by epoch."""
    st.subheader("Accuracy by epoch", anchor=False)
    curves = results.accuracy_curves(service, experiments)
    if curves:
        figure = cached_figure(curves_figure, curves, palette())
        st.plotly_chart(figure, key="curves", config=PLOTLY_CONFIG)
        peers_note = " Thin: nets trained along with the student and not kept."
        st.caption(
            "Validation split, mean over seeds."
            + hidden_start_note(curves, last_epoch(curves))
            + peers_note * any(curve.peer for curve in curves)
            + FIRST_TEACHER_NOTE * has_ensemble(experiments)
        )


def costs_view(service: Service, experiments: list[ExperimentSnapshot]) -> None:
    """Draw a cost of teachers and students."""
    st.subheader("Cost of the nets", anchor=False)
    metric = st.segmented_control(
        "Cost",
        tuple(COST_TITLES),
        default="parameters",
        key="cost",
        format_func=COST_LABELS.__getitem__,
        required=True,
    )
    points = results.cost_points(experiments, service, metric)
    figure = cached_figure(cost_figure, points, palette(), COST_TITLES[metric])
    st.plotly_chart(figure, key="costs", config=PLOTLY_CONFIG)
    several_teachers = has_ensemble(experiments)
    if several_teachers:
        st.caption("Several teachers: the sum of their costs.")
    if metric == "latency":
        busy = any(job.status == "running" for job in service.jobs(active_only=True))
        st.caption(
            "Warm, fp32, batch of one, measured on this machine"
            + "; several teachers run one after the other" * several_teachers
            + (". A job is running, so these times are too long." if busy else ".")
        )


def has_ensemble(experiments: list[ExperimentSnapshot]) -> bool:
    """Return whether an experiment has several teachers."""
    return any(len(trained_teachers(experiment.spec)) > 1 for experiment in experiments)


def settings_view(experiments: list[ExperimentSnapshot]) -> None:
    """Draw the settings that differ between the experiments."""
    if len(experiments) < 2:
        return
    st.subheader("Settings that differ", anchor=False)
    table = results.settings_table(experiments)
    if table.empty:
        st.caption("All settings are equal.")
    else:
        st.dataframe(table)


def manage_view(service: Service, experiments: list[ExperimentSnapshot]) -> None:
    """Draw the buttons that open, export or delete each experiment."""
    with st.expander("Open or delete", icon=":material/folder:"):
        for experiment in experiments:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{escaped(title_of(experiment))}**")
                for title, key, page in (
                    ("Open in Train", "open", "train"),
                    ("Soft targets", "soft", "soft_targets"),
                ):
                    if st.button(title, key=f"{key}_{experiment.id}"):
                        st.switch_page(path_of(page), query_params={EXPERIMENT: experiment.id})
                if experiment.done:
                    export_button(service, experiment)
                st.download_button(
                    "Settings (JSON)",
                    experiment.spec.to_json(),
                    file_name=f"{experiment.id}.json",
                    mime="application/json",
                    key=f"spec_{experiment.id}",
                )
                if not demo.is_demo(experiment):
                    delete_button(service, experiment)


def delete_button(service: Service, experiment: ExperimentSnapshot) -> None:
    """Draw a button that deletes an experiment, behind a question."""
    with st.popover("Delete", icon=":material/delete:"):
        st.markdown("This deletes the experiment and the weights that no other experiment uses.")
        if st.button("Delete for good", key=f"delete_{experiment.id}", type="primary"):
            with show_errors():
                service.delete(experiment.id)
                st.query_params.pop(COMPARED, None)
                st.session_state.pop("compared", None)
                st.rerun()


main()
