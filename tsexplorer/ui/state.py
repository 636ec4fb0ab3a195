"""What the URL names. Each parameter is read and written here and nowhere else."""

from __future__ import annotations

import streamlit as st

from tsexplorer import demo
from tsexplorer.errors import NotFoundError
from tsexplorer.service import Service
from tsexplorer.store import ExperimentSnapshot

EXPERIMENT = "experiment"
COMPARED = "experiments"


def show_experiment(key: str) -> None:
    """Make the URL name an experiment."""
    st.query_params[EXPERIMENT] = key


def shown_experiment(service: Service) -> ExperimentSnapshot:
    """The experiment that the URL names; without one the job at work, else the demo.

    Raises:
        NotFoundError: the URL names nothing.
    """
    key = st.query_params.get(EXPERIMENT)
    if key is not None:
        return service.experiment(key)
    active = service.jobs(active_only=True)
    running = [job for job in active if job.status != "queued"] or list(active)
    return service.experiment(running[0].experiment_id if running else demo.NAME)


def compared_experiments(service: Service) -> tuple[list[ExperimentSnapshot], list[str]]:
    """The experiments that the URL names, and a sentence for each name that stands for nothing."""
    found, sentences = [], []
    for key in dict.fromkeys(st.query_params.get_all(COMPARED)):
        try:
            found.append(service.experiment(key))
        except NotFoundError as error:
            sentences.append(str(error))
    return found, sentences
