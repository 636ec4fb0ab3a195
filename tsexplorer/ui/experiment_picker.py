"""Which trained experiment a page looks at: from the URL, else the demo; and which of its seeds."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from tsexplorer.errors import NotFoundError
from tsexplorer.services import ExperimentSnapshot, Service, demo
from tsexplorer.ui.theme import escaped, title_of
from tsexplorer.ui.url_state import EXPERIMENT, WRITTEN, publish

WIDTH = 320


def experiment_choice(service: Service, key: str) -> ExperimentSnapshot:
    """A select box of the experiments that have a trained net; the URL follows.

    Args:
        service: where they are.
        key: of the widget.
    """
    trained = {
        one.id: one
        for one in service.experiments()
        if any(link.stage.status == "done" for link in one.stages)
    }
    _adopt(service, trained, key)
    chosen = st.selectbox(
        "Experiment",
        list(trained),
        key=key,
        format_func=lambda name: title_of(trained[name]),
        width=WIDTH,
    )
    publish(EXPERIMENT, key)
    return trained[chosen]


def seed_choice(experiment: ExperimentSnapshot, key: str) -> int:
    """Which seed's nets; asked only where there are several."""
    return one_seed(experiment.spec.seeds, key)


def one_seed(seeds: Sequence[int], key: str) -> int:
    """One of some seeds; asked only where there are several."""
    if len(seeds) == 1:
        return seeds[0]
    return int(st.segmented_control("Seed", seeds, default=seeds[0], key=key, required=True))


def _adopt(service: Service, trained: dict[str, ExperimentSnapshot], key: str) -> None:
    """Take the experiment from the URL; one that is not there is said, and the demo shown.

    Not where it stands there because we wrote it: somebody may just have picked another.
    """
    asked = st.query_params.get(EXPERIMENT)
    ours = key in st.session_state and asked == st.session_state.get(WRITTEN, {}).get(EXPERIMENT)
    if asked is not None and not ours:
        try:
            found = service.experiment(asked)
        except NotFoundError as error:
            st.warning(f"{escaped(str(error))} Shown instead: the demo.")
        else:
            if found.id in trained:
                st.session_state[key] = found.id
            else:
                st.warning(f"No net of {escaped(found.name)} is trained yet; shown: the demo.")
    if st.session_state.get(key) not in trained:
        st.session_state[key] = service.experiment(demo.NAME).id
