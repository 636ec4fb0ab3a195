"""Tune: maps over T and λ, searches for a setting, repeats over more seeds."""

import streamlit as st

from tsexplorer.published.maps import PublishedMap
from tsexplorer.ui import forms
from tsexplorer.ui.app_state import get_service, show_errors
from tsexplorer.ui.study.panel import live_frame, study_form
from tsexplorer.ui.study.picker import choose_kind, choose_study
from tsexplorer.ui.study.sweep_view import published_map_view


def main() -> None:
    service = get_service()
    forms.initialise_form()
    st.title("Tune", anchor=False)
    panel = choose_kind()
    st.markdown(panel.summary)
    left, right = st.columns([2, 3], gap="large")
    with left, show_errors():
        study_form(service, panel)
    with right, show_errors():
        if not service.studies.all(panel.name):
            st.markdown(panel.introduction)
        study = choose_study(service, panel)
        if isinstance(study, PublishedMap):
            published_map_view(service, study, panel.fill)
        elif study is not None:
            live_frame(service, panel, study.id)


main()
