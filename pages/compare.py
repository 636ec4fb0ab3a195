"""Compare: any experiments side by side."""

import streamlit as st

from tsexplorer.objectives import teachers_of
from tsexplorer.plots.compare import accuracy_figure, cost_figure, curves_figure, longest
from tsexplorer.plots.live import start_hidden
from tsexplorer.services import ExperimentSnapshot, Service, demo
from tsexplorer.ui import results
from tsexplorer.ui.app_state import get_service, sentences
from tsexplorer.ui.export_button import take_away
from tsexplorer.ui.figures import drawn
from tsexplorer.ui.router import path_of
from tsexplorer.ui.theme import escaped, palette, title_of
from tsexplorer.ui.url_state import COMPARED, EXPERIMENT, compared_experiments

MOST = 6
COSTS = {
    "parameters": "Parameters",
    "macs": "Multiply-accumulates for one image",
    "bytes": "Bytes of the weights (fp32)",
    "latency": "Latency for one image (ms, median, one thread)",
}
SHORT = {
    "parameters": "Parameters",
    "macs": "Multiply-accumulates",
    "bytes": "Bytes",
    "latency": "Latency",
}.__getitem__
ACCURATE_FIRST = " Teacher: of several, the first."
DOWNLOAD = {"toImageButtonOptions": {"format": "svg"}, "displaylogo": False}


def main() -> None:
    service = get_service()
    st.title("Compare", anchor=False)
    with sentences():
        experiments = chosen(service)
        if not experiments:
            st.info("Choose at least one experiment.", icon=":material/checklist:")
            return
        accuracies(service, experiments)
        curves(service, experiments)
        costs(service, experiments)
        settings(experiments)
        manage(service, experiments)


def chosen(service: Service) -> list[ExperimentSnapshot]:
    """The experiments to show: those the URL names, else the newest beside the demo."""
    everything = {experiment.id: experiment for experiment in service.experiments()}
    named, complaints = compared_experiments(service)
    for complaint in complaints:
        st.warning(escaped(complaint), icon=":material/link_off:")
    first = [one.id for one in named] or default_choice(list(everything.values()))
    ids = st.multiselect(
        "Experiments",
        list(everything),
        default=first,
        format_func=lambda key: title_of(everything[key]),
        max_selections=MOST,
        key="compared",
    )
    if ids != st.query_params.get_all(COMPARED):
        st.query_params[COMPARED] = ids
    return [everything[key] for key in ids]


def default_choice(everything: list[ExperimentSnapshot]) -> list[str]:
    done = [one.id for one in everything if one.done and not demo.is_demo(one)]
    return done[:2] + [one.id for one in everything if one.name == demo.NAME]


def accuracies(service: Service, experiments: list[ExperimentSnapshot]) -> None:
    st.subheader("What distillation bought", anchor=False)
    split = st.segmented_control(
        "Split",
        ("test", "validation"),
        default="test",
        key="split",
        required=True,
        help="Choices (best epoch, T, λ) are made on validation; test is read once, at the end.",
    )
    dots = results.accuracy_dots(service, experiments, split)
    if dots:
        figure = drawn(accuracy_figure, dots, palette(), split)
        st.plotly_chart(figure, key="accuracy", config=DOWNLOAD)
    st.dataframe(results.summary_table(service, experiments), hide_index=True)
    st.caption(
        "Table: test split. ± is the 95 % interval over seeds (Student's t), where they differ "
        "than one. Gap closed = (distilled − baseline) / (teacher − baseline), averaged over "
        "seeds; – where the teacher is not better, and of a student that never saw some classes. "
        "Gap of means: the same, of the mean accuracies." + ACCURATE_FIRST * _several(experiments)
    )
    for experiment in experiments:
        st.caption(f"{escaped(title_of(experiment))}: {escaped(results.provenance(experiment))}")


def curves(service: Service, experiments: list[ExperimentSnapshot]) -> None:
    st.subheader("Accuracy by epoch", anchor=False)
    lines = results.accuracy_lines(service, experiments)
    if lines:
        st.plotly_chart(drawn(curves_figure, lines, palette()), key="curves", config=DOWNLOAD)
        peers = " Thin: nets that learn along with the student, and are not kept."
        st.caption(
            "Validation split, mean over seeds."
            + start_hidden(lines, longest(lines))
            + peers * any(one.peer for one in lines)
            + ACCURATE_FIRST * _several(experiments)
        )


def costs(service: Service, experiments: list[ExperimentSnapshot]) -> None:
    st.subheader("What the nets cost", anchor=False)
    what = st.segmented_control(
        "Cost", tuple(COSTS), default="parameters", key="cost", format_func=SHORT, required=True
    )
    points = results.costs(experiments, service, what)
    st.plotly_chart(
        drawn(cost_figure, points, palette(), COSTS[what]), key="costs", config=DOWNLOAD
    )
    if _several(experiments):
        st.caption("Of several teachers, what they cost together.")
    if what == "latency":
        busy = any(job.status == "running" for job in service.jobs(active_only=True))
        st.caption(
            "Warm, fp32, batch of one, measured on this machine"
            + "; of several teachers, their times one after the other" * _several(experiments)
            + (" while a job trains, so slower than on a quiet one." if busy else ".")
        )


def _several(experiments: list[ExperimentSnapshot]) -> bool:
    """Whether one of them has an ensemble for its teacher."""
    return any(len(teachers_of(one.spec)) > 1 for one in experiments)


def settings(experiments: list[ExperimentSnapshot]) -> None:
    if len(experiments) < 2:
        return
    st.subheader("What differs in their settings", anchor=False)
    table = results.differences(experiments)
    if table.empty:
        st.caption("Nothing: they have the same settings.")
    else:
        st.dataframe(table)


def manage(service: Service, experiments: list[ExperimentSnapshot]) -> None:
    own = [one for one in experiments if not demo.is_demo(one)]
    with st.expander("Open or delete", icon=":material/folder:"):
        for experiment in experiments:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{escaped(title_of(experiment))}**")
                if st.button("Open in Train", key=f"open_{experiment.id}"):
                    st.switch_page(path_of("train"), query_params={"experiment": experiment.id})
                if st.button("Soft targets", key=f"soft_{experiment.id}"):
                    st.switch_page(
                        path_of("soft_targets"), query_params={EXPERIMENT: experiment.id}
                    )
                if experiment.done:
                    take_away(service, experiment)
                st.download_button(
                    "Settings (JSON)",
                    experiment.spec.to_json(),
                    file_name=f"{experiment.id}.json",
                    mime="application/json",
                    key=f"spec_{experiment.id}",
                )
                if experiment in own:
                    delete_button(service, experiment)


def delete_button(service: Service, experiment: ExperimentSnapshot) -> None:
    with st.popover("Delete", icon=":material/delete:"):
        st.markdown("The experiment and the weights that no other one uses are removed.")
        if st.button("Delete for good", key=f"delete_{experiment.id}", type="primary"):
            with sentences():
                service.delete(experiment.id)
                st.query_params.pop(COMPARED, None)
                st.session_state.pop("compared", None)
                st.rerun()


main()
