"""Fetching a dataset from the page that needs it."""

from __future__ import annotations

import streamlit as st

from tsexplorer.data.registry import get_dataset
from tsexplorer.services import Service
from tsexplorer.ui.app_state import sentences
from tsexplorer.ui.theme import escaped

EVERY_SECONDS = 0.5


def download_panel(service: Service, name: str) -> bool:
    """Offer the download of a dataset that is not there.

    Returns:
        Whether the dataset can be trained on now.
    """
    if service.dataset_available(name):
        return True
    state = service.download(name)
    running = state is not None and state.status == "running"
    st.fragment(_panel, run_every=EVERY_SECONDS if running else None)(service, name, running)
    return False


def _panel(service: Service, name: str, was_running: bool) -> None:
    info = get_dataset(name).info
    state = service.download(name)
    if was_running and (state is None or state.status != "running"):
        st.rerun()
    with st.container(border=True), sentences():
        if state is not None and state.status == "running":
            _progress(service, name)
            return
        if state is not None and state.sentence:
            st.error(escaped(state.sentence), icon=":material/cloud_off:")
        st.markdown(f"The images of **{info.title}** are not here yet.")
        if st.button(
            f"Download {info.download_megabytes:.0f} MB", key="download", icon=":material/download:"
        ):
            service.downloads.start(name)
            st.rerun()


def _progress(service: Service, name: str) -> None:
    state = service.download(name)
    now = state.progress if state else None
    share, words = 0.0, "Connecting…"
    if now is not None:
        total = now.total_bytes or 0
        within = now.done_bytes / total if total else 0.0
        share = min((now.number - 1 + within) / now.count, 1.0)
        words = f"{now.file}: {now.done_bytes / 1e6:.1f} MB" + (
            f" of {total / 1e6:.1f} MB" if total else ""
        )
    st.progress(share, text=words)
    if st.button("Cancel the download", key="download_cancel", icon=":material/close:"):
        service.downloads.cancel(name)
