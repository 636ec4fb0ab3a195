"""The progress of a job, its buttons, and the list of other jobs: the same for all studies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from tsexplorer.analysis.formatting import duration
from tsexplorer.services import (
    ACTIVE,
    RESUMABLE,
    JobProgress,
    JobSnapshot,
    Service,
    StudySnapshot,
)
from tsexplorer.ui.app_state import show_errors
from tsexplorer.ui.router import path_of
from tsexplorer.ui.theme import escaped
from tsexplorer.ui.url_state import show_experiment

STATUS_TEXT = {
    "queued": "Waiting in the queue",
    "running": "Training",
    "paused": "Paused",
    "interrupted": "Interrupted: the process that trained it has ended. Finished epochs are kept.",
    "cancelled": "Cancelled",
    "failed": "Stopped",
    "done": "Done",
}
ICONS = {
    "queued": ":material/hourglass_empty:",
    "running": ":material/play_circle:",
    "paused": ":material/pause_circle:",
    "interrupted": ":material/power_off:",
    "cancelled": ":material/cancel:",
    "failed": ":material/error:",
    "done": ":material/check_circle:",
}
JOBS_LISTED = 8


@dataclass(frozen=True)
class BarText:
    """What a job bar shows of a running or paused job.

    Attributes:
        share: of the work that is done, 0 to 1.
        parts: phrases after the status.
        rest: text after the remaining time, as in "2 min left for the map".
    """

    share: float
    parts: Sequence[str]
    rest: str


def job_bar(
    service: Service,
    job: JobSnapshot,
    progress: JobProgress,
    jobs_before: int,
    text: BarText,
    *,
    stopped: str = "",
    notices: Callable[[str], object] = st.caption,
) -> None:
    """Draw a job's progress, its notices, and the buttons that apply now.

    Args:
        service: controls the job.
        job: the job.
        progress: of the job.
        jobs_before: in the queue.
        text: for a running or paused job.
        stopped: shown where the job stopped early: what is kept.
        notices: draws a notice.
    """
    if job.status in ACTIVE:
        share, line = _bar(job, progress, jobs_before, text)
        st.progress(share, text=line)
    elif job.status != "done":
        reason = f": {job.error}" if job.error else ""
        st.warning(escaped(f"{STATUS_TEXT[job.status]}{reason}"), icon=":material/info:")
        if stopped:
            st.caption(stopped)
    for notice in progress.notices:
        notices(escaped(notice))
    job_buttons(service, job)


def _bar(
    job: JobSnapshot, progress: JobProgress, jobs_before: int, text: BarText
) -> tuple[float, str]:
    if job.status == "queued":
        before = f" ({jobs_before} before it)" if jobs_before else ""
        return 0.0, f"{STATUS_TEXT['queued']}{before}"
    parts = [STATUS_TEXT[job.status], *text.parts]
    running = progress.progress
    if running is not None and running.seconds_left is not None and job.status == "running":
        parts.append(f"{duration(running.seconds_left)} left {text.rest}")
    return min(max(text.share, 0.0), 1.0), " · ".join(parts)


def job_buttons(service: Service, job: JobSnapshot) -> None:
    """Draw the buttons that apply to the status of a job."""
    with st.container(horizontal=True):
        if job.status == "running":
            _button("Pause", ":material/pause:", "pause", service.pause, job.id)
        if job.status == "paused":
            _button("Resume", ":material/play_arrow:", "resume", service.resume, job.id)
            step = "Step one epoch" if job.cluster is None else "Send one chunk"
            _button(step, ":material/skip_next:", "step", service.step, job.id)
        if job.status in RESUMABLE:
            _button("Resume", ":material/play_arrow:", "resume", service.resume, job.id)
        if job.status in ACTIVE:
            _button("Cancel", ":material/stop:", "cancel", service.cancel, job.id)


def _button(label: str, icon: str, key: str, action: Callable[[int], None], job: int) -> None:
    # A click reruns the whole page, which decides whether its fragment has a timer.
    if st.button(label, icon=icon, key=f"job_{key}"):
        with show_errors():
            action(job)
        st.rerun()


def other_jobs(service: Service, shown: str) -> None:
    """List active and resumable jobs of studies other than the shown one.

    Only the latest job of each study is listed.
    """
    latest: dict[str, JobSnapshot] = {}
    for job in service.jobs():
        latest.setdefault(job.experiment_id, job)
    jobs = [
        job for key, job in latest.items() if key != shown and job.status in (*ACTIVE, *RESUMABLE)
    ]
    if not jobs:
        return
    studies = {study.id: study for study in service.studies.all()}
    st.subheader("Other jobs", anchor=False)
    for job in jobs[:JOBS_LISTED]:
        if job.experiment_id in studies:
            _row(service, job, studies[job.experiment_id])
    if len(jobs) > JOBS_LISTED:
        st.caption(f"and {len(jobs) - JOBS_LISTED} more")


def _row(service: Service, job: JobSnapshot, study: StudySnapshot[Any]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"queue_{job.id}"):
        st.markdown(f"{ICONS[job.status]} {escaped(study.name)} · {job.status}")
        _show_button(job, study)
        action = service.cancel if job.status in ACTIVE else service.resume
        label = "Cancel" if job.status in ACTIVE else "Resume"
        if st.button(label, key=f"act_{job.id}", help=f"{label} {escaped(study.name)}"):
            with show_errors():
                action(job.id)
            st.rerun()


def _show_button(job: JobSnapshot, study: StudySnapshot[Any]) -> None:
    """Draw a button that shows a study: an experiment on this page, others on Tune."""
    key, hint = f"show_{job.id}", f"Show {escaped(study.name)}"
    if study.kind == "experiment":
        st.button("Show", key=key, on_click=show_experiment, args=(study.id,), help=hint)
    elif st.button("Show", key=key, help=hint):
        from tsexplorer.ui.study.panel import panel_of

        st.switch_page(path_of("tune"), query_params={panel_of(study.kind).parameter: study.id})
