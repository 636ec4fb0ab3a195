"""Two nets side by side: what they weigh and what they cost, before anything is trained."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from tsexplorer.analysis.words import counted, size
from tsexplorer.data.registry import get_dataset
from tsexplorer.models import Count, count, describe
from tsexplorer.specs import ModelSpec, Role
from tsexplorer.ui.theme import palette, role_label


def compare_nets(
    dataset: str, teacher: ModelSpec, student: ModelSpec, several: bool = False
) -> None:
    """Parameters, multiply-accumulates and bytes of both, and the layers on demand.

    Args:
        dataset: whose classes they tell apart.
        teacher: the first, where there are more.
        student: its student.
        several: whether further teachers teach beside it, whose costs stand by their controls.

    Raises:
        UserError: a net is impossible.
    """
    classes = len(get_dataset(dataset).info.classes)
    counts = (count(teacher, classes), count(student, classes))
    largest = max(one.parameters for one in counts)
    titles = ("First teacher" if several else "Teacher", "Student")
    cards: tuple[tuple[Role, ModelSpec], ...] = (("teacher", teacher), ("distilled", student))
    for column, (role, model), one, title in zip(st.columns(2), cards, counts, titles, strict=True):
        with column, st.container(gap="xsmall"):
            _card(role_label(role, title), palette()[role], model, one, one.parameters / largest)
    ratio = counts[0].parameters / counts[1].parameters
    macs = counts[0].macs / counts[1].macs
    st.caption(
        f"The {titles[0].lower()} has {ratio:.3g} times the student’s parameters and does "
        f"{macs:.3g} times its multiply-accumulates (MACs) for one image."
    )
    with st.popover("Layer by layer", icon=":material/layers:"):
        for title, one in zip(titles, counts, strict=True):
            st.markdown(f"**{title}**")
            st.dataframe(_layers(one), hide_index=True)


def _card(label: str, colour: str, model: ModelSpec, one: Count, share: float) -> None:
    """A net; ``share`` is its parameters of those of the larger one."""
    st.markdown(f"{label}: **{one.parameters:,}** parameters")
    width = 100 * max(share, 0.004)
    st.html(
        f'<div role="presentation" style="height:8px;border-radius:4px;background:'
        f'{palette().grid}"><div style="height:8px;border-radius:4px;width:{width:.1f}%;'
        f'background:{colour}"></div></div>'
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
