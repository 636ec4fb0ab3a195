"""The jobs beside the one that is shown."""

from __future__ import annotations

import streamlit as st

from tsexplorer.services.service import ACTIVE, RESUMABLE, Service
from tsexplorer.store import ExperimentSnapshot, JobSnapshot
from tsexplorer.ui.app_state import sentences
from tsexplorer.ui.router import path_of
from tsexplorer.ui.theme import escaped
from tsexplorer.ui.url_state import SWEEP, TUNING, show_experiment

SHOWN = 8
ICONS = {
    "queued": ":material/hourglass_empty:",
    "running": ":material/play_circle:",
    "paused": ":material/pause_circle:",
    "interrupted": ":material/power_off:",
    "cancelled": ":material/cancel:",
    "failed": ":material/error:",
    "done": ":material/check_circle:",
}


def queue_view(service: Service, shown: str) -> None:
    """Other jobs that wait, run or could go on; each opens with a click.

    Of each experiment the latest: what an earlier one left undone is that one's to do.
    """
    latest: dict[str, JobSnapshot] = {}
    for job in service.jobs():
        latest.setdefault(job.experiment_id, job)
    jobs = [
        job for key, job in latest.items() if key != shown and job.status in (*ACTIVE, *RESUMABLE)
    ]
    if not jobs:
        return
    st.subheader("Other jobs", anchor=False)
    for job in jobs[:SHOWN]:
        _row(service, job)
    if len(jobs) > SHOWN:
        st.caption(f"and {len(jobs) - SHOWN} more")


def _row(service: Service, job: JobSnapshot) -> None:
    experiment = service.subject(job)
    with st.container(horizontal=True, vertical_alignment="center", key=f"queue_{job.id}"):
        st.markdown(f"{ICONS[job.status]} {escaped(experiment.name)} · {job.status}")
        _show(job, experiment)
        act = service.cancel if job.status in ACTIVE else service.resume
        label = "Cancel" if job.status in ACTIVE else "Resume"
        if st.button(label, key=f"act_{job.id}", help=f"{label} {escaped(experiment.name)}"):
            with sentences():
                act(job.id)
            st.rerun()


def _show(job: JobSnapshot, experiment: ExperimentSnapshot) -> None:
    """The way to a job: here for an experiment, elsewhere for a sweep and for a tuning."""
    key, words = f"show_{job.id}", f"Show {escaped(experiment.name)}"
    if experiment.kind == "experiment":
        st.button("Show", key=key, on_click=show_experiment, args=(experiment.id,), help=words)
    elif st.button("Show", key=key, help=words):
        page, name = ("sweep", SWEEP) if experiment.kind == "sweep" else ("tune", TUNING)
        st.switch_page(path_of(page), query_params={name: experiment.id})
