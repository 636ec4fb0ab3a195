"""The form of the page Tune: what the kinds of study share, around the controls of their own."""

from __future__ import annotations

from typing import Any

import streamlit as st

from tsexplorer.services import Service
from tsexplorer.ui import forms, teachers
from tsexplorer.ui.app_state import sentences
from tsexplorer.ui.downloads import download_panel
from tsexplorer.ui.net_form import compare_nets, nets_form
from tsexplorer.ui.objective_form import pair
from tsexplorer.ui.study.panel import StudyPanel
from tsexplorer.ui.theme import escaped, go_button


def study_form(service: Service, panel: StudyPanel[Any]) -> None:
    """Draw the form, what its study amounts to, and the start button."""
    for name, value in panel.defaults.items():
        st.session_state.setdefault(f"{panel.prefix}.{name}", value)
    first, second = st.columns([3, 2], vertical_alignment="bottom")
    with second:
        forms.recipe_picker(panel.recipe_hint)
    with first:
        data = forms.data_form()
    available = download_panel(service, data.name)
    teacher, student = nets_form()
    ensemble = teachers.form(data.name, teacher, panel.objective_key)
    objective = panel.objective(pair(data.name, teacher, student))
    typed = panel.controls()
    button = st.container()
    nets = st.container()  # below the button, which must be visible without scrolling
    with st.expander(panel.more_label, icon=":material/tune:"):
        typed |= panel.more_controls(service)
        warm_start, trains = forms.warm_forms(panel.stages)
        forms.scaling_form()
        name = st.text_input(
            "Name",
            key=f"{panel.prefix}.name",
            placeholder="made from the settings",
            max_chars=80,
            persist_state="session",
        ).strip()
    with nets, sentences():
        compare_nets(data.name, teacher, student, several=bool(ensemble))
    with button, sentences():
        base: dict[Any, Any] = {
            "data": data,
            "teacher": teacher,
            "student": student,
            "objective": objective,
            "warm_start": warm_start,
            **ensemble,
            **trains,
            **panel.base_values(typed),
        }
        values = {"base": base, **panel.values(typed)}
        spec = forms.read(panel.spec_type, values, panel.titles)
        cluster = service.studies.cluster_address(typed.get("cluster", "")) or ""
        _start(service, panel, spec, name, cluster, available)


def _start(
    service: Service,
    panel: StudyPanel[Any],
    spec: Any,
    name: str,
    cluster: str,
    available: bool,
) -> None:
    """What the study amounts to, and the start button; the spec is checked here, once."""
    check = service.studies.check(spec)
    for remark in check.remarks:
        st.info(remark, icon=":material/info:")
    name = name or service.studies.free_name(spec, panel.suggested_name(spec))
    held = not check.complete and not available
    if go_button(panel.start_label(check), f"{panel.prefix}_start", held=held):
        st.query_params[panel.parameter] = service.studies.start(check, name, cluster).id
        st.rerun()
    line, caption = panel.describe(check)
    st.markdown(line)
    if caption:
        st.caption(escaped(caption))
    panel.after_form(service, check, available)


def prerequisites_text(left: int) -> str:
    """The nets that must be trained before the students, as a sentence to append."""
    if not left:
        return ""
    return f" {left} other net{'s' * (left > 1)} first."
