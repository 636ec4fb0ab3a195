"""What the URL names. Each parameter is read and written here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from tsexplorer.errors import NotFoundError
from tsexplorer.services import ExperimentSnapshot, Service, demo
from tsexplorer.specs import shorten
from tsexplorer.ui.theme import escaped

EXPERIMENT = "experiment"
COMPARED = "experiments"
SWEEP = "sweep"
FINDING = "finding"
TUNING = "tuning"


# Not Streamlit's bind="query-params": it writes the labels that people read into the URL, where
# names last longer, and it refuses a T that is not among the slider's.
WRITTEN = "_written"


def adopt(key: str, read: Callable[[str], Any], slot: str | None = None) -> None:
    """Take a value from the URL into the session, unless it is there because we wrote it.

    To be called before the widget with that key is drawn.

    Args:
        key: of the URL parameter.
        read: makes the value of its text; raises ValueError for what makes no sense, which is
            then said and passed over (:func:`publish` puts the value in force into the URL).
        slot: where the session has it; the same name if not given.
    """
    text = st.query_params.get(key)
    if text is not None and text != st.session_state.setdefault(WRITTEN, {}).get(key):
        try:
            st.session_state[slot or key] = read(text)
        except ValueError:
            st.session_state[WRITTEN][key] = text  # said once
            given = escaped(f"{key} = {shorten(text)}")
            st.toast(
                f"{given} in the address makes no sense here and was passed over.",
                icon=":material/link_off:",
            )


def publish(key: str, slot: str | None = None) -> None:
    """Put the session's value into the URL."""
    text = str(st.session_state[slot or key])
    st.session_state.setdefault(WRITTEN, {})[key] = text
    if st.query_params.get(key) != text:
        st.query_params[key] = text


def unpublish(key: str) -> None:
    """Take a value out of the URL; the session keeps its own."""
    st.session_state.setdefault(WRITTEN, {}).pop(key, None)
    if key in st.query_params:
        del st.query_params[key]


def one_of(names: Sequence[str]) -> Callable[[str], str]:
    """A reader for :func:`adopt` that takes these names alone."""

    def read(text: str) -> str:
        if text not in names:
            raise ValueError(text)
        return text

    return read


def whole_within(low: int, high: int) -> Callable[[str], int]:
    """A reader for :func:`adopt` that takes whole numbers from low to high."""

    def read(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError(text)
        return value

    return read


def number_within(low: float, high: float) -> Callable[[str], float]:
    """A reader for :func:`adopt` that takes numbers from low to high."""

    def read(text: str) -> float:
        value = float(text)
        if not low <= value <= high:  # nan is not
            raise ValueError(text)
        return value

    return read


def show_experiment(key: str) -> None:
    """Make the URL name an experiment."""
    st.query_params[EXPERIMENT] = key


def shown_experiment(service: Service) -> ExperimentSnapshot:
    """The experiment that the URL names; without one that at work, one's newest, or the demo.

    One that is at work gets into the URL, and so is still there once it has ended.

    Raises:
        NotFoundError: the URL names nothing.
    """
    key = st.query_params.get(EXPERIMENT)
    if key is not None:
        return service.experiment(key)
    active = at_work(service)
    if active:
        show_experiment(active[0].id)
        return active[0]
    own = (one for one in service.experiments() if one.done and not demo.is_demo(one))
    return next(own, None) or service.experiment(demo.NAME)


def at_work(service: Service) -> list[ExperimentSnapshot]:
    """The experiments that are being trained or wait for it; those that wait come last."""
    every = service.jobs(active_only=True)
    active = [job for job in every if service.subject(job).kind == "experiment"]
    active.sort(key=lambda job: job.status == "queued")
    return [service.experiment(job.experiment_id) for job in active]


def compared_experiments(service: Service) -> tuple[list[ExperimentSnapshot], list[str]]:
    """The experiments that the URL names, and a sentence for each name that stands for nothing."""
    found, sentences = [], []
    for key in dict.fromkeys(st.query_params.get_all(COMPARED)):
        try:
            found.append(service.experiment(key))
        except NotFoundError as error:
            sentences.append(str(error))
    return found, sentences
