"""Views by class: mean soft targets by true class, and what distillation changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from tsexplorer.plots.quality import (
    confusion_difference_figure,
    confusion_figure,
    reliability_figure,
)
from tsexplorer.plots.soft_targets import difference_cells, matrix_cells, value_limits
from tsexplorer.plots.style import TITLES
from tsexplorer.specs import Role
from tsexplorer.ui.figures import csv_button, figure
from tsexplorer.ui.matrices import Axis, Layout, TitledMatrix, matrices
from tsexplorer.ui.soft_targets.image_views import gallery
from tsexplorer.ui.soft_targets.page_state import ViewContext, require_teacher
from tsexplorer.ui.theme import palette, role_label

if TYPE_CHECKING:
    from tsexplorer.analysis.soft_targets import ClassMatrix

IMAGES_SHOWN = 14
NOTE = (
    "Rows: true class; columns: the class that gets the soft target. Click a cell to see its "
    "images."
)


def classes_view(context: ViewContext) -> None:
    """Draw the teacher's and the student's class matrices and their difference.

    A click on a cell shows its images.
    """
    require_teacher(context)
    from tsexplorer.analysis import soft_targets as analysis

    with st.container(horizontal=True, vertical_alignment="bottom"):
        role = st.segmented_control(
            "Student",
            context.students,
            default=context.students[0],
            format_func=TITLES.__getitem__,
            key="classes_student",
            required=True,
        )
        hide_diagonal = st.toggle("Hide the diagonal", value=True, key="classes_hidden")
        log = st.toggle("Logarithmic colours", key="classes_log")
        by_similarity = st.toggle("Similar classes side by side", key="classes_alike")
    labels_N, names = context.images.labels_N, context.images.classes
    teacher = analysis.class_matrix(context.logits["teacher"], labels_N, context.temperature)
    student = analysis.class_matrix(context.logits[role], labels_N, context.temperature)
    shown = [teacher, student, analysis.difference(teacher, student)]
    if hide_diagonal:
        shown = [analysis.without_diagonal(matrix) for matrix in shown]
    limits = value_limits(*shown[:2])
    order = analysis.similarity_order(teacher) if by_similarity else ()
    file_name = f"classes-T-{context.temperature:g}"
    chosen = matrices(
        [
            TitledMatrix("teacher", matrix_cells(shown[0], names, limits=limits, log=log)),
            TitledMatrix(role, matrix_cells(shown[1], names, limits=limits, log=log)),
            TitledMatrix("Teacher − student", difference_cells(shown[2], names)),
        ],
        Layout(Axis(names, order), Axis(names, order), "True class", NOTE, "Class matrices"),
        file_name=file_name,
        key="matrices",
    )
    st.caption(
        f"{context.provenance} A row is the mean softmax at T = {context.temperature:g} over the "
        "images of its class, in percent."
    )
    csv_button(_class_table(context, teacher, student), file_name)
    if chosen is not None:
        _cell_images(context, chosen.row, chosen.column)


def _cell_images(context: ViewContext, row: int, column: int) -> None:
    """Draw the images of a cell with the largest soft targets."""
    from tsexplorer.analysis.soft_targets import MatrixCell, images_of_cell, soft_targets

    names, z_t_NC = context.images.classes, context.logits["teacher"]
    index_K = images_of_cell(
        z_t_NC, context.images.labels_N, MatrixCell(row, column), context.temperature
    )[:IMAGES_SHOWN]
    targets_K = soft_targets(z_t_NC[index_K], context.temperature)[:, column]
    targets = dict(zip(index_K.tolist(), targets_K.tolist(), strict=True))
    st.subheader(f"Images of {names[row]} with a large target for {names[column]}", anchor=False)
    st.caption(
        f"The {len(targets)} images of class {names[row]} with the teacher’s largest soft target "
        f"for {names[column]} at T = {context.temperature:g}."
    )
    gallery(context, list(targets), lambda index: f"{100 * targets[index]:.3g} %", "behind")


def _class_table(context: ViewContext, teacher: ClassMatrix, student: ClassMatrix) -> pd.DataFrame:
    names = context.images.classes
    return pd.DataFrame(
        {
            "true class": np.repeat(names, len(names)),
            "soft target for": np.tile(names, len(names)),
            "T": context.temperature,
            "teacher": teacher.values_CC.ravel(),
            "student": student.values_CC.ravel(),
        }
    )


def changes_view(context: ViewContext) -> None:
    """Draw agreement with the teacher, reliability diagrams and confusion matrices."""
    require_teacher(context)
    from tsexplorer.analysis.quality import reliability

    table = _quality_table(context)
    st.dataframe(table, hide_index=True)
    st.caption(
        f"{context.provenance} Agreement: the share of images to which a net gives the teacher’s "
        f"answer. KL(teacher ‖ net) at T = {context.temperature:g}, mean over the images. ECE: "
        "expected calibration error, 15 bins, T = 1 (Guo et al. 2017)."
    )
    csv_button(table, "what-distillation-changed")
    st.subheader("Calibration: accuracy by confidence", anchor=False)
    labels_N = context.images.labels_N
    diagrams = {role: reliability(z_NC, labels_N) for role, z_NC in context.logits.items()}
    figure(reliability_figure(diagrams, palette()), "reliability")
    _confusion_matrices(context)


def _confusion_matrices(context: ViewContext) -> None:
    """Draw the students' confusion matrices, and their difference if there are two."""
    from tsexplorer.analysis.quality import confusion

    labels_N, names = context.images.labels_N, context.images.classes
    st.subheader("Confusions", anchor=False)
    roles: list[Role] = [role for role in ("baseline", "distilled") if role in context.logits]
    counts = {role: confusion(context.logits[role], labels_N) for role in roles}
    columns = st.columns(3) if len(names) <= 10 else [st.container()] * 3
    for column, role in zip(columns, roles, strict=False):
        with column:
            st.markdown(role_label(role))
            figure(confusion_figure(counts[role], names, palette()), f"confusion_{role}")
    if len(roles) == 2:
        with columns[2]:
            st.markdown("**Distilled − baseline**")
            difference = counts["distilled"] - counts["baseline"]
            figure(confusion_difference_figure(difference, names, palette()), "confusion_gap")
    st.caption("Number of images by true class (row) and answer (column).")


def _quality_table(context: ViewContext) -> pd.DataFrame:
    from tsexplorer.analysis.quality import quality

    z_t_NC, labels_N = context.logits["teacher"], context.images.labels_N
    rows = []
    for role, z_NC in context.logits.items():
        figures = quality(z_NC, z_t_NC, labels_N, context.temperature)
        rows.append(
            {
                "Net": TITLES[role],
                "Accuracy (%)": round(100 * figures.accuracy, 2),
                "Agreement with the teacher (%)": round(100 * figures.agreement, 2),
                "KL to the teacher (nats)": round(figures.divergence, 4),
                "ECE (%)": round(100 * figures.ece, 2),
            }
        )
    return pd.DataFrame(rows)
