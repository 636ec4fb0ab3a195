"""Tune: maps over T and λ, searches for a setting, repeats over more seeds."""

import streamlit as st

from tsexplorer.published.maps import Shipped
from tsexplorer.ui import forms
from tsexplorer.ui.app_state import get_service, sentences
from tsexplorer.ui.study.form import study_form
from tsexplorer.ui.study.panel import live_frame
from tsexplorer.ui.study.picker import pick_kind, pick_study
from tsexplorer.ui.study.published_map import finding_view


def main() -> None:
    service = get_service()
    forms.begin()
    st.title("Tune", anchor=False)
    panel = pick_kind()
    st.markdown(panel.summary)
    left, right = st.columns([2, 3], gap="large")
    with left, sentences():
        study_form(service, panel)
    with right, sentences():
        if not service.studies.all(panel.name):
            st.markdown(panel.introduction)
        shown = pick_study(service, panel)
        if isinstance(shown, Shipped):
            finding_view(service, shown)
        elif shown is not None:
            live_frame(service, panel, shown.id)


main()
