"""T × λ map: many students at once, and which settings can be told apart."""

import streamlit as st

from tsexplorer.published.maps import Shipped
from tsexplorer.ui import forms
from tsexplorer.ui.app_state import get_service, sentences
from tsexplorer.ui.study.published_map import finding_view
from tsexplorer.ui.study.sweep_form import form
from tsexplorer.ui.study.sweep_live import live_view
from tsexplorer.ui.study.sweep_picker import choice

NOTHING_YET = """
Which temperature T, and how much weight λ for the labels? It depends on the task, so the answer is
a map: one student for each T and λ, and for each of a few seeds.

- Small dense nets **train together**, many at once: minutes rather than an hour. How long a grid
  takes on this machine is measured on demand, below the form's button.
- A cell is a **mean over seeds** with its interval, not one lucky run. Cells that cannot be told
  apart from the best are framed.
- The choice is made **on validation**; the test split is read once, for the cell that was chosen.
- λ = 1 is the **baseline**: the same student on labels alone, tuned as much as the others.

Below, until you train one of your own: a map that ships.
"""


def main() -> None:
    service = get_service()
    forms.begin()
    st.title("T × λ map", anchor=False)
    st.markdown(
        "Train a whole grid of students, and see where T and λ matter, and where they do not."
    )
    left, right = st.columns([2, 3], gap="large")
    with left, sentences():
        form(service)
    with right, sentences():
        if not service.sweeps.all():
            st.markdown(NOTHING_YET)
        shown = choice(service)
        if isinstance(shown, Shipped):
            finding_view(service, shown)
        elif shown is not None:
            live_view(service, shown.id)


main()
