"""Widgets that several pages share: spec fields, experiment and seed, download, export."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args, get_origin

import streamlit as st
from pydantic import BaseModel

from tsexplorer.data.registry import get_dataset
from tsexplorer.errors import NotFoundError
from tsexplorer.export.archive import Archive
from tsexplorer.services import ExperimentSnapshot, Service, demo
from tsexplorer.ui.app_state import show_errors
from tsexplorer.ui.theme import escaped, title_of
from tsexplorer.ui.url_state import EXPERIMENT, WRITTEN, write_parameter

LABELS = {
    "learning_rate": "Learning rate (peak)",
    "jitter": "Jitter (px)",
    "padding": "Edge of shifted images",
    "flip": "Mirror half of the images",
    "early_stopping": "Early stopping (epochs; 0 is off)",
    "max_norm": "Weight norm at most (0 is off)",
    "sgd": "SGD",
}
STEPS = {
    "learning_rate": 0.0005,
    "weight_decay": 0.0001,
    "epsilon": 1e-8,
    "momentum": 0.05,
    "averaging": 0.01,
}
"""Step of the plus and minus buttons for fields that are floats."""
DEFAULT_STEP = 0.1
PICKER_WIDTH = 320
DOWNLOAD_POLL_SECONDS = 0.5
EXPORTED = "taken_away"
"""Session key: the last archive of this session, by experiment. Archives are large, so only one."""

# -- fields of a spec -------------------------------------------------------------------------


def field_label(field: str) -> str:
    """Return the label of a spec field.

    >>> field_label("batch_size"), field_label("jitter")
    ('Batch size', 'Jitter (px)')
    """
    return LABELS.get(field, field.replace("_", " ").capitalize())


def field_widget(spec_type: type[BaseModel], field: str, prefix: str) -> Any:
    """Draw the widget for one field of a spec and return its value.

    Numbers have no bounds in the widget: Streamlit would not send a value outside them, and the
    page would continue with the previous value. The spec reports a bad value in a sentence.

    Args:
        spec_type: the spec's class; gives the field's type and its help text.
        field: its name.
        prefix: of the widget's key, which is ``prefix.field``.
    """
    info = spec_type.model_fields[field]
    label, key, help_text = field_label(field), f"{prefix}.{field}", info.description
    choices = _choices(info.annotation)
    if choices:
        return st.selectbox(label, choices, key=key, help=help_text, persist_state="session")
    if info.annotation is bool:
        return st.toggle(label, key=key, help=help_text, persist_state="session")
    if info.annotation in (int, int | None):
        return st.number_input(label, step=1, key=key, help=help_text, persist_state="session")
    return st.number_input(
        label,
        step=STEPS.get(field, DEFAULT_STEP),
        format="%.6g",
        key=key,
        help=help_text,
        persist_state="session",
    )


def _choices(annotation: Any) -> tuple[str, ...]:
    return get_args(annotation) if get_origin(annotation) is Literal else ()


# -- experiment and seed ----------------------------------------------------------------------


def choose_experiment(service: Service, key: str) -> ExperimentSnapshot:
    """Draw a select box of the experiments with a trained net; the URL names the choice.

    Args:
        service: source of the experiments.
        key: of the widget.
    """
    trained = {
        experiment.id: experiment
        for experiment in service.experiments()
        if any(link.stage.status == "done" for link in experiment.stages)
    }
    _adopt_experiment(service, trained, key)
    chosen = st.selectbox(
        "Experiment",
        list(trained),
        key=key,
        format_func=lambda experiment_id: title_of(trained[experiment_id]),
        width=PICKER_WIDTH,
    )
    write_parameter(EXPERIMENT, key)
    return trained[chosen]


def choose_seed(seeds: Sequence[int], key: str) -> int:
    """Return one of the seeds; draws a control only if there are several."""
    if len(seeds) == 1:
        return seeds[0]
    return int(st.segmented_control("Seed", seeds, default=seeds[0], key=key, required=True))


def _adopt_experiment(service: Service, trained: dict[str, ExperimentSnapshot], key: str) -> None:
    """Take the experiment from the URL; if it cannot be shown, warn and take the demo.

    An id that the app itself wrote to the URL is ignored: the select box may have changed since.
    """
    url_id = st.query_params.get(EXPERIMENT)
    written = st.session_state.get(WRITTEN, {}).get(EXPERIMENT)
    if url_id is not None and not (key in st.session_state and url_id == written):
        try:
            experiment = service.experiment(url_id)
        except NotFoundError as error:
            st.warning(f"{escaped(str(error))} Shown instead: the demo.")
        else:
            if experiment.id in trained:
                st.session_state[key] = experiment.id
            else:
                st.warning(
                    f"{escaped(experiment.name)} has no trained net yet. Shown instead: the demo."
                )
    if st.session_state.get(key) not in trained:
        st.session_state[key] = service.experiment(demo.NAME).id


# -- download of a dataset --------------------------------------------------------------------


def download_panel(service: Service, dataset: str) -> bool:
    """Offer the download of a dataset, unless its images are already here.

    Returns:
        Whether the dataset can be trained on now.
    """
    if service.dataset_available(dataset):
        return True
    download = service.download(dataset)
    running = download is not None and download.status == "running"
    interval = DOWNLOAD_POLL_SECONDS if running else None
    st.fragment(_download_panel, run_every=interval)(service, dataset, running)
    return False


def _download_panel(service: Service, dataset: str, was_running: bool) -> None:
    info = get_dataset(dataset).info
    download = service.download(dataset)
    running = download is not None and download.status == "running"
    if was_running and not running:
        st.rerun()
    with st.container(border=True), show_errors():
        if running:
            _download_progress(service, dataset)
            return
        if download is not None and download.sentence:
            st.error(escaped(download.sentence), icon=":material/cloud_off:")
        st.markdown(f"The images of **{info.title}** are not downloaded yet.")
        label = f"Download {info.download_megabytes:.0f} MB"
        if st.button(label, key="download", icon=":material/download:"):
            service.downloads.start(dataset)
            st.rerun()


def _download_progress(service: Service, dataset: str) -> None:
    download = service.download(dataset)
    progress = download.progress if download else None
    share, text = 0.0, "Connecting…"
    if progress is not None:
        total = progress.total_bytes or 0
        share_of_file = progress.done_bytes / total if total else 0.0
        share = min((progress.number - 1 + share_of_file) / progress.count, 1.0)
        text = f"{progress.file}: {progress.done_bytes / 1e6:.1f} MB"
        if total:
            text += f" of {total / 1e6:.1f} MB"
    st.progress(share, text=text)
    if st.button("Cancel the download", key="download_cancel", icon=":material/close:"):
        service.downloads.cancel(dataset)


# -- export of a student ----------------------------------------------------------------------


def export_button(service: Service, experiment: ExperimentSnapshot) -> None:
    """Draw a button that writes the distilled student to an archive, then one to download it."""
    archives: dict[str, Archive] = st.session_state.setdefault(EXPORTED, {})
    archive = archives.get(experiment.id)
    if archive is None:
        several = len(experiment.spec.seeds) > 1
        clicked = st.button(
            "Export the student",
            key=f"take_{experiment.id}",
            icon=":material/archive:",
            help="A zip file with the distilled student"
            + " of the seed that is best on validation" * several
            + " as ONNX and safetensors, a card of its figures, and a page on how to use it.",
        )
        if clicked:
            with show_errors():
                with st.spinner("Writing the net as ONNX, about ten seconds"):
                    archive = service.inference.archive(experiment)
                archives.clear()
                archives[experiment.id] = archive
                st.rerun()
        return
    st.download_button(
        f"Download ({len(archive.content) / 1e6:.1f} MB)",
        archive.content,
        file_name=archive.name,
        mime="application/zip",
        key=f"taken_{experiment.id}",
        type="primary",
        icon=":material/download:",
        on_click="ignore",
        help=archive.name,
    )
