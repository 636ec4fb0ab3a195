"""Two nets side by side: what they weigh and what they cost, before anything is trained."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from tsexplorer.analysis.words import counted, size
from tsexplorer.data.registry import get_dataset
from tsexplorer.models import Count, count, describe
from tsexplorer.specs import ModelSpec, Role
from tsexplorer.ui.theme import palette, role_label


def compare_nets(dataset: str, teacher: ModelSpec, student: ModelSpec) -> None:
    """Parameters, multiply-accumulates and bytes of both, and the layers on demand.

    Raises:
        UserError: a net is impossible.
    """
    classes = len(get_dataset(dataset).info.classes)
    counts = (count(teacher, classes), count(student, classes))
    largest = max(one.parameters for one in counts)
    for column, role, model, one in zip(
        st.columns(2), ("teacher", "distilled"), (teacher, student), counts, strict=True
    ):
        with column, st.container(gap="xsmall"):
            _card(role, model, one, largest)  # type: ignore[arg-type]
    ratio = counts[0].parameters / counts[1].parameters
    macs = counts[0].macs / counts[1].macs
    st.caption(
        f"The teacher has {ratio:.3g} times the student’s parameters and does {macs:.3g} times "
        "its multiply-accumulates (MACs) for one image."
    )
    with st.popover("Layer by layer", icon=":material/layers:"):
        for title, one in zip(("Teacher", "Student"), counts, strict=True):
            st.markdown(f"**{title}**")
            st.dataframe(_layers(one), hide_index=True)


def _card(role: Role, model: ModelSpec, one: Count, largest: int) -> None:
    share = max(one.parameters / largest, 0.004)
    label = role_label(role, "Teacher" if role == "teacher" else "Student")
    st.markdown(f"{label}: **{one.parameters:,}** parameters")
    st.html(
        f'<div role="presentation" style="height:8px;border-radius:4px;background:'
        f'{palette().grid}"><div style="height:8px;border-radius:4px;width:{100 * share:.1f}%;'
        f'background:{palette()[role]}"></div></div>'
    )
    st.caption(f"{describe(model)} · {counted(one.macs)} MACs · {size(one.bytes)}")


def _layers(one: Count) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Layer": [row.name for row in one.layers],
            "Output": [row.output for row in one.layers],
            "Parameters": [row.parameters for row in one.layers],
            "MACs": [row.macs for row in one.layers],
        }
    )
