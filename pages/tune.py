"""Tune: T, λ and learning rate searched, and how sure the suggestion is."""

import streamlit as st

from tsexplorer.ui import forms
from tsexplorer.ui.app_state import get_service, sentences
from tsexplorer.ui.study.picker import Past, choice
from tsexplorer.ui.study.tuning_form import form
from tsexplorer.ui.study.tuning_live import live_view
from tsexplorer.ui.url_state import TUNING

NOTHING_YET = """
A map shows where T and λ matter; a **search** goes straight for a good setting, and takes the
learning rate with it.

- Settings are tried in **rounds**: what came of one round decides what is asked next. The students
  of a round train together where their net allows it, and those that fall behind are given up.
- The best few are **repeated on seeds that the search never saw**. The suggestion is the best of
  these, with its interval, and says which others cannot be told apart from it.
- The **baseline** (labels alone) is tuned, too: a baseline that was not would flatter the teacher.
- The choice is made **on validation**; the test split is read once, for the suggestion.
"""


def main() -> None:
    service = get_service()
    forms.begin()
    st.title("Tune", anchor=False)
    st.markdown("Let a search find T, λ and the learning rate, and see how sure it is of them.")
    left, right = st.columns([2, 3], gap="large")
    with left, sentences():
        form(service)
    with right, sentences():
        tuning = service.tuning
        shown = choice(Past("Tuning", TUNING, tuning.all, tuning.one, tuning.delete))
        if shown is None:
            st.markdown(NOTHING_YET)
        else:
            live_view(service, shown.id)


main()
