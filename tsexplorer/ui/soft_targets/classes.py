"""What the classes look like to a net: mean soft targets by true class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from tsexplorer.plots.soft_targets import difference_cells, matrix_cells, span
from tsexplorer.plots.style import TITLES
from tsexplorer.ui.figures import numbers_button
from tsexplorer.ui.matrices import Axis, Layout, Titled, matrices
from tsexplorer.ui.soft_targets.images import gallery
from tsexplorer.ui.soft_targets.page_state import Sight, needs_teacher

if TYPE_CHECKING:
    from tsexplorer.analysis.soft_targets import ClassMatrix

SHOWN = 14
NOTE = (
    "Rows: true class; columns: the class that gets the soft target. Click a cell to see its "
    "images."
)


def view(sight: Sight) -> None:
    """Teacher beside student beside their difference; a click shows the images behind a cell."""
    needs_teacher(sight)
    from tsexplorer.analysis import soft_targets as analysis

    with st.container(horizontal=True, vertical_alignment="bottom"):
        student = st.segmented_control(
            "Student",
            sight.students,
            default=sight.students[0],
            format_func=TITLES.__getitem__,
            key="classes_student",
            required=True,
        )
        hidden = st.toggle("Hide the diagonal", value=True, key="classes_hidden")
        log = st.toggle("Logarithmic colours", key="classes_log")
        alike = st.toggle("Similar classes side by side", key="classes_alike")
    labels_N, names = sight.images.labels_N, sight.images.classes
    teacher, pupil = (
        analysis.class_matrix(sight.logits[role], labels_N, sight.temperature)
        for role in ("teacher", student)
    )
    gap = analysis.difference(teacher, pupil)
    order = analysis.similarity_order(teacher) if alike else ()
    shown = [analysis.without_diagonal(one) if hidden else one for one in (teacher, pupil, gap)]
    ends = span(*shown[:2])
    name = f"classes-T-{sight.temperature:g}"
    clicked = matrices(
        [
            Titled("teacher", matrix_cells(shown[0], names, ends=ends, log=log)),
            Titled(student, matrix_cells(shown[1], names, ends=ends, log=log)),
            Titled("Teacher − student", difference_cells(shown[2], names)),
        ],
        Layout(Axis(names, order), Axis(names, order), "True class", NOTE, "Class matrices"),
        name=name,
        key="matrices",
    )
    st.caption(
        f"{sight.words} A row is the mean softmax at T = {sight.temperature:g} over the images of "
        "its class, in percent."
    )
    numbers_button(_table(sight, teacher, pupil), name)
    if clicked is not None:
        _behind(sight, (clicked.row, clicked.column))


def _behind(sight: Sight, cell: tuple[int, int]) -> None:
    from tsexplorer.analysis.soft_targets import Cell, images_behind, soft_targets

    row, column = cell
    names, z_t_NC = sight.images.classes, sight.logits["teacher"]
    places = images_behind(z_t_NC, sight.images.labels_N, Cell(row, column), sight.temperature)
    shares = soft_targets(z_t_NC[places[:SHOWN]], sight.temperature)[:, column]
    share = dict(zip(places[:SHOWN].tolist(), shares.tolist(), strict=True))
    st.subheader(f"{names[row]} that the teacher takes for {names[column]}", anchor=False)
    st.caption(
        f"The {len(share)} images of class {names[row]} with the largest soft target for "
        f"{names[column]} at T = {sight.temperature:g}."
    )
    gallery(sight, list(share), lambda place: f"{100 * share[place]:.3g} %", "behind")


def _table(sight: Sight, teacher: ClassMatrix, student: ClassMatrix) -> pd.DataFrame:
    names = sight.images.classes
    return pd.DataFrame(
        {
            "true class": np.repeat(names, len(names)),
            "soft target for": np.tile(names, len(names)),
            "T": sight.temperature,
            "teacher": teacher.values_CC.ravel(),
            "student": student.values_CC.ravel(),
        }
    )
