"""The study that the page Tune shows, from the URL or a select box, and how to delete it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from tsexplorer.errors import UserError
from tsexplorer.published.maps import PublishedMap, get_ready_map, load_map, published_map_names
from tsexplorer.services import ACTIVE, Service, StudySnapshot
from tsexplorer.ui.app_state import show_errors
from tsexplorer.ui.study.panel import StudyPanel, panels
from tsexplorer.ui.theme import escaped
from tsexplorer.ui.url_state import FINDING, SWEEP

KIND = "tune.kind"
"""Session key of the kind of study on the page."""
URL_STUDY = "_tune.url"
"""Session key of the study in the URL from which the kind was read last."""
SOURCE, READY_MAP = "sweep.kind", "sweep.finding"
"""Session keys: own or ready-made maps, and the name of the ready-made map."""
SOURCES = {SWEEP: "Your maps", FINDING: "Ready-made maps"}
WRITTEN = "_tune.written"
"""Session key of the parameter and value that this page wrote to the URL last."""


def choose_kind() -> StudyPanel[Any]:
    """Draw the choice of a kind of study; a study in the URL gives its kind."""
    by_kind = panels()
    url_study = _study_in_url()
    if url_study is not None and st.session_state.get(URL_STUDY) != url_study:
        st.session_state[KIND] = url_study[0]
        st.session_state[URL_STUDY] = url_study
    st.session_state.setdefault(KIND, next(iter(by_kind)))
    kind: str | None = st.segmented_control(
        "Kind of study",
        list(by_kind),
        key=KIND,
        format_func=lambda name: by_kind[name].label,
        label_visibility="collapsed",
        required=True,
    )
    kind = kind or next(iter(by_kind))
    for name, panel in by_kind.items():
        if name != kind:
            st.query_params.pop(panel.parameter, None)
    if kind != "sweep":
        st.query_params.pop(FINDING, None)
    return by_kind[kind]


def choose_study(
    service: Service, panel: StudyPanel[Any]
) -> StudySnapshot[Any] | PublishedMap | None:
    """Draw the choice of a study of a kind, and write it to the URL; None without studies.

    For maps there are ready-made ones besides the user's own.
    """
    studies = {study.id: study for study in service.studies.all(panel.name)}
    ready_maps = published_map_names() if panel.name == "sweep" else ()
    _read_url(service, panel, bool(studies), bool(ready_maps))
    if ready_maps and _choose_source(bool(studies)) == FINDING:
        name = _choose_ready_map(ready_maps)
        _write_url(FINDING, name, remove=panel.parameter)
        return load_map(name)
    if not studies:
        return None
    study_id = _choose_own_study(service, panel, studies)
    _write_url(panel.parameter, study_id, remove=FINDING)
    return studies[study_id]


def _study_in_url() -> tuple[str, str] | None:
    """Return kind and name of the study that the URL names."""
    for kind, panel in panels().items():
        name = st.query_params.get(panel.parameter)
        if name is not None:
            return kind, name
    name = st.query_params.get(FINDING)
    return None if name is None else ("sweep", name)


def _read_url(
    service: Service, panel: StudyPanel[Any], has_studies: bool, has_ready_maps: bool
) -> None:
    """Read the study from the URL, unless this page wrote it; warn if it does not exist."""
    # When a study has just been started, the URL may still name a ready-made map as well.
    parameter = panel.parameter if panel.parameter in st.query_params else FINDING
    name = st.query_params.get(parameter)
    shown = _shown_key(panel)
    drawn = shown in st.session_state or READY_MAP in st.session_state
    if name is None or (drawn and st.session_state.get(WRITTEN) == (parameter, name)):
        return
    try:
        if parameter == FINDING:
            st.session_state[READY_MAP] = load_map(name).entry.name
        else:
            st.session_state[shown] = service.studies.get(name, panel.name).id
    except UserError as error:
        instead = "the newest" if has_studies else "a ready-made map" if has_ready_maps else ""
        shown_instead = f" Shown instead: {instead}." if instead else ""
        st.warning(f"{escaped(str(error))}{shown_instead}", icon=":material/link_off:")
        del st.query_params[parameter]
    else:
        st.session_state[SOURCE] = FINDING if parameter == FINDING else SWEEP


def _write_url(parameter: str, name: str, remove: str) -> None:
    """Make the URL name the shown study, and no other."""
    if remove != parameter:
        st.query_params.pop(remove, None)
    if st.query_params.get(parameter) != name:
        st.query_params[parameter] = name
    st.session_state[WRITTEN] = (parameter, name)
    st.session_state[URL_STUDY] = _study_in_url()


def _choose_source(has_studies: bool) -> str:
    """Draw the choice of own or ready-made maps, if there are own maps; return its parameter."""
    if not has_studies:
        return FINDING
    st.session_state.setdefault(SOURCE, SWEEP)
    source: str | None = st.segmented_control(
        "Maps",
        list(SOURCES),
        key=SOURCE,
        format_func=SOURCES.__getitem__,
        label_visibility="collapsed",
        required=True,
    )
    return source or SWEEP


def _choose_own_study(
    service: Service, panel: StudyPanel[Any], studies: dict[str, StudySnapshot[Any]]
) -> str:
    shown = _shown_key(panel)
    if st.session_state.get(shown) not in studies:
        st.session_state[shown] = next(iter(studies))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        study_id: str = st.selectbox(
            panel.label, list(studies), key=shown, format_func=lambda key: studies[key].name
        )
        _delete_button(service, panel, studies[study_id])
    return study_id


def _choose_ready_map(names: tuple[str, ...]) -> str:
    if st.session_state.get(READY_MAP) not in names:
        st.session_state[READY_MAP] = names[0]
    chosen: str = st.selectbox(
        "Ready-made map", names, key=READY_MAP, format_func=lambda name: get_ready_map(name).title
    )
    return chosen


def _delete_button(service: Service, panel: StudyPanel[Any], study: StudySnapshot[Any]) -> None:
    if study.status in ACTIVE:
        return
    with st.popover("Delete", icon=":material/delete:"):
        st.markdown(f"This deletes the {panel.name} and the weights that no other study uses.")
        if st.button("Delete for good", key=f"delete_{study.id}", type="primary"):
            with show_errors():
                service.studies.delete(study.id)
                st.query_params.pop(panel.parameter, None)
                st.session_state.pop(_shown_key(panel), None)
                st.rerun()


def _shown_key(panel: StudyPanel[Any]) -> str:
    """Return the session key of the id of the shown study."""
    return f"{panel.parameter}.shown"
