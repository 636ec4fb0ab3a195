"""URL parameters: their names, and how they are read into and written from the session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from tsexplorer.errors import NotFoundError, shorten
from tsexplorer.services import ExperimentSnapshot, Service, demo
from tsexplorer.ui.theme import escaped

EXPERIMENT = "experiment"
COMPARED = "experiments"
SWEEP = "sweep"
FINDING = "finding"
TUNING = "tuning"

# Not Streamlit's bind="query-params": it writes the labels of options into the URL, which change
# more often than their names, and it rejects a T that is not an option of the slider.
WRITTEN = "_written"
"""Session key of the values that the app wrote to the URL last, by parameter."""


def read_parameter(name: str, parse: Callable[[str], Any], key: str | None = None) -> None:
    """Read a URL parameter into the session, unless its value was written by the app.

    Call it before the widget with that key is drawn. A value that cannot be parsed is ignored, and
    a toast says so once; :func:`write_parameter` then replaces it in the URL.

    Args:
        name: of the URL parameter.
        parse: converts the text; its ValueError says what the text is not, such as
            "not a number".
        key: session key; the parameter's name by default.
    """
    text = st.query_params.get(name)
    if text is None or text == st.session_state.setdefault(WRITTEN, {}).get(name):
        return
    try:
        st.session_state[key or name] = parse(text)
    except ValueError as error:
        st.session_state[WRITTEN][name] = text  # no second toast
        st.toast(
            escaped(f"Ignored {name} = {shorten(text)} in the address: {error}."),
            icon=":material/link_off:",
        )


def write_parameter(name: str, key: str | None = None) -> None:
    """Write a value of the session to the URL."""
    text = str(st.session_state[key or name])
    st.session_state.setdefault(WRITTEN, {})[name] = text
    if st.query_params.get(name) != text:
        st.query_params[name] = text


def remove_parameter(name: str) -> None:
    """Remove a parameter from the URL; the session keeps its value."""
    st.session_state.setdefault(WRITTEN, {}).pop(name, None)
    if name in st.query_params:
        del st.query_params[name]


def one_of(names: Sequence[str]) -> Callable[[str], str]:
    """Return a parser for :func:`read_parameter` that accepts some names."""

    def parse(text: str) -> str:
        if text not in names:
            raise ValueError(f"not one of {', '.join(names)}")
        return text

    return parse


def integer_within(low: int, high: int) -> Callable[[str], int]:
    """Return a parser for :func:`read_parameter` that accepts whole numbers from low to high."""

    def parse(text: str) -> int:
        message = f"not a whole number from {low} to {high}"
        try:
            value = int(text)
        except ValueError:
            raise ValueError(message) from None
        if not low <= value <= high:
            raise ValueError(message)
        return value

    return parse


def number_within(low: float, high: float) -> Callable[[str], float]:
    """Return a parser for :func:`read_parameter` that accepts numbers from low to high."""

    def parse(text: str) -> float:
        message = f"not a number from {low:g} to {high:g}"
        try:
            value = float(text)
        except ValueError:
            raise ValueError(message) from None
        if not low <= value <= high:  # also true for nan
            raise ValueError(message)
        return value

    return parse


def show_experiment(experiment_id: str) -> None:
    """Make the URL name an experiment."""
    st.query_params[EXPERIMENT] = experiment_id


def shown_experiment(service: Service) -> ExperimentSnapshot:
    """Return the experiment that the URL names; by default an active one, the newest or the demo.

    An active experiment is written to the URL, so that it is still shown when its job has ended.

    Raises:
        NotFoundError: there is no such experiment.
    """
    experiment_id = st.query_params.get(EXPERIMENT)
    if experiment_id is not None:
        return service.experiment(experiment_id)
    active = active_experiments(service)
    if active:
        show_experiment(active[0].id)
        return active[0]
    trained = (
        experiment
        for experiment in service.experiments()
        if experiment.done and not demo.is_demo(experiment)
    )
    return next(trained, None) or service.experiment(demo.NAME)


def active_experiments(service: Service) -> list[ExperimentSnapshot]:
    """Return the experiments that have an active job: running ones first, queued ones last."""
    jobs = [
        job for job in service.jobs(active_only=True) if service.study_of(job).kind == "experiment"
    ]
    jobs.sort(key=lambda job: job.status == "queued")
    return [service.experiment(job.experiment_id) for job in jobs]


def compared_experiments(service: Service) -> tuple[list[ExperimentSnapshot], list[str]]:
    """Return the experiments that the URL names, and an error sentence for each unknown name."""
    experiments, errors = [], []
    for name in dict.fromkeys(st.query_params.get_all(COMPARED)):
        try:
            experiments.append(service.experiment(name))
        except NotFoundError as error:
            errors.append(str(error))
    return experiments, errors
