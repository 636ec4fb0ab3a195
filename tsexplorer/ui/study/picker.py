"""Which study the page Tune shows: from the URL, else the newest; and a way to delete it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from tsexplorer.errors import UserError
from tsexplorer.published.maps import Shipped, get_finding, shipped, shipped_names
from tsexplorer.services import ACTIVE, Service, StudySnapshot
from tsexplorer.ui.app_state import sentences
from tsexplorer.ui.study.panel import StudyPanel, panels
from tsexplorer.ui.theme import escaped
from tsexplorer.ui.url_state import FINDING, SWEEP

KIND = "tune.kind"
"""Session key of the kind of study that the page shows."""
URL_KIND = "_tune.url"
"""Session key of the study that the URL named when the kind was last taken from it."""
SOURCE, SHIPPED = "sweep.kind", "sweep.finding"
"""Session keys: own maps or ready-made ones, and which ready-made map."""
SOURCES = {SWEEP: "Your maps", FINDING: "Ready-made maps"}
WRITTEN = "_tune.written"
"""Session key of what this page wrote into the URL last: parameter and value."""


def pick_kind() -> StudyPanel[Any]:
    """A choice of the kinds of study; a study in the URL chooses its kind."""
    every = panels()
    named = _named_in_url()
    if named is not None and st.session_state.get(URL_KIND) != named:
        st.session_state[KIND] = named[0]
        st.session_state[URL_KIND] = named
    st.session_state.setdefault(KIND, next(iter(every)))
    chosen: str | None = st.segmented_control(
        "Kind of study",
        list(every),
        key=KIND,
        format_func=lambda name: every[name].label,
        label_visibility="collapsed",
        required=True,
    )
    chosen = chosen or next(iter(every))
    for name, panel in every.items():
        if name != chosen:
            st.query_params.pop(panel.parameter, None)
    if chosen != "sweep":
        st.query_params.pop(FINDING, None)
    return every[chosen]


def _named_in_url() -> tuple[str, str] | None:
    """The kind and key of the study that the URL names."""
    for name, panel in panels().items():
        key = st.query_params.get(panel.parameter)
        if key is not None:
            return name, key
    key = st.query_params.get(FINDING)
    return None if key is None else ("sweep", key)


def pick_study(service: Service, panel: StudyPanel[Any]) -> StudySnapshot[Any] | Shipped | None:
    """Select boxes of the studies of a kind; the URL follows. None where there are none.

    Maps have ready-made ones beside one's own.
    """
    studies = {study.id: study for study in service.studies.all(panel.name)}
    ready_made = shipped_names() if panel.name == "sweep" else ()
    _adopt(service, panel, bool(studies), bool(ready_made))
    if ready_made and _source(bool(studies)) == FINDING:
        name = _select_shipped(ready_made)
        _write(FINDING, name, remove=panel.parameter)
        return shipped(name)
    if not studies:
        return None
    chosen = _select(service, panel, studies)
    _write(panel.parameter, chosen, remove=FINDING)
    return studies[chosen]


def _adopt(service: Service, panel: StudyPanel[Any], own: bool, ready_made: bool) -> None:
    """Take the study from the URL, unless this page wrote it there."""
    # A study that was just started is in the URL beside a ready-made map.
    parameter = panel.parameter if panel.parameter in st.query_params else FINDING
    key = st.query_params.get(parameter)
    shown = _shown_key(panel)
    drawn = shown in st.session_state or SHIPPED in st.session_state
    if key is None or (drawn and st.session_state.get(WRITTEN) == (parameter, key)):
        return
    try:
        if parameter == FINDING:
            st.session_state[SHIPPED] = shipped(key).finding.name
        else:
            st.session_state[shown] = service.studies.get(key, panel.name).id
    except UserError as error:
        instead = "the newest" if own else "a ready-made map" if ready_made else ""
        shown_instead = f" Shown instead: {instead}." if instead else ""
        st.warning(f"{escaped(str(error))}{shown_instead}", icon=":material/link_off:")
        del st.query_params[parameter]
    else:
        st.session_state[SOURCE] = FINDING if parameter == FINDING else SWEEP


def _source(own: bool) -> str:
    """One's own maps or ready-made ones; there is a choice only where there are own maps."""
    if not own:
        return FINDING
    st.session_state.setdefault(SOURCE, SWEEP)
    chosen: str | None = st.segmented_control(
        "Maps",
        list(SOURCES),
        key=SOURCE,
        format_func=SOURCES.__getitem__,
        label_visibility="collapsed",
        required=True,
    )
    return chosen or SWEEP


def _select(
    service: Service, panel: StudyPanel[Any], studies: dict[str, StudySnapshot[Any]]
) -> str:
    shown = _shown_key(panel)
    if st.session_state.get(shown) not in studies:
        st.session_state[shown] = next(iter(studies))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen: str = st.selectbox(
            panel.label, list(studies), key=shown, format_func=lambda key: studies[key].name
        )
        _delete_button(service, panel, studies[chosen])
    return chosen


def _select_shipped(names: tuple[str, ...]) -> str:
    if st.session_state.get(SHIPPED) not in names:
        st.session_state[SHIPPED] = names[0]
    chosen: str = st.selectbox(
        "Ready-made map", names, key=SHIPPED, format_func=lambda name: get_finding(name).title
    )
    return chosen


def _write(parameter: str, key: str, remove: str) -> None:
    """Make the URL name the shown study, and no other."""
    if remove != parameter:
        st.query_params.pop(remove, None)
    if st.query_params.get(parameter) != key:
        st.query_params[parameter] = key
    st.session_state[WRITTEN] = (parameter, key)
    st.session_state[URL_KIND] = _named_in_url()


def _delete_button(service: Service, panel: StudyPanel[Any], study: StudySnapshot[Any]) -> None:
    if study.status in ACTIVE:
        return
    with st.popover("Delete", icon=":material/delete:"):
        st.markdown(f"This {panel.name} and the weights that no other study uses are removed.")
        if st.button("Delete for good", key=f"delete_{study.id}", type="primary"):
            with sentences():
                service.studies.delete(study.id)
                st.query_params.pop(panel.parameter, None)
                st.session_state.pop(_shown_key(panel), None)
                st.rerun()


def _shown_key(panel: StudyPanel[Any]) -> str:
    """Session key of the id of the shown study."""
    return f"{panel.parameter}.shown"
