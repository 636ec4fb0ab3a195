"""Classes that the distilled student's training images lack: asked for, and said."""

from __future__ import annotations

import streamlit as st

from tsexplorer.data.registry import get_dataset

LEFT_OUT = "left_out"


def left_out_form(dataset: str) -> tuple[int, ...]:
    """Ask which classes are left out of the transfer set.

    Args:
        dataset: whose classes; what another dataset's form left behind is forgotten.
    """
    names = get_dataset(dataset).info.classes
    known = list(left_out_as_it_stands(dataset))
    if st.session_state.get(LEFT_OUT) != known:
        st.session_state[LEFT_OUT] = known
    chosen: list[int] = st.multiselect(
        "Leave classes out of the transfer set",
        range(len(names)),
        key=LEFT_OUT,
        persist_state="session",
        format_func=names.__getitem__,
        placeholder="none",
        help="The distilled student is trained on images of the other classes alone: of those "
        "left out it knows what the teacher’s soft targets say. Teacher and baseline see all.",
    )
    return tuple(chosen)


def left_out_as_it_stands(dataset: str) -> tuple[int, ...]:
    """The same while its control is not drawn."""
    classes = len(get_dataset(dataset).info.classes)
    return tuple(label for label in st.session_state.get(LEFT_OUT, ()) if label < classes)
