"""The way out: a trained student as files of its own."""

from __future__ import annotations

import streamlit as st

from tsexplorer.export.archive import Archive
from tsexplorer.services import ExperimentSnapshot, Service
from tsexplorer.ui.app_state import sentences

TAKEN = "taken_away"
"""The archive that this session had written last, by its experiment: one alone, they are large."""


def take_away(service: Service, experiment: ExperimentSnapshot) -> None:
    """A button that writes the distilled student, and then one that downloads it."""
    taken: dict[str, Archive] = st.session_state.setdefault(TAKEN, {})
    found = taken.get(experiment.id)
    if found is None:
        several = len(experiment.spec.seeds) > 1
        pressed = st.button(
            "Take the student away",
            key=f"take_{experiment.id}",
            icon=":material/archive:",
            help="The distilled student"
            + " of the seed that is best on validation" * several
            + " as ONNX and safetensors, with a card of its figures and a page on how to use it.",
        )
        if pressed:
            with sentences():
                with st.spinner("Writing the net as ONNX, ten seconds or so"):
                    found = service.reading.archive(experiment)
                taken.clear()
                taken[experiment.id] = found
                st.rerun()
        return
    st.download_button(
        f"Download ({len(found.content) / 1e6:.1f} MB)",
        found.content,
        file_name=found.name,
        mime="application/zip",
        key=f"taken_{experiment.id}",
        type="primary",
        icon=":material/download:",
        on_click="ignore",
        help=found.name,
    )
