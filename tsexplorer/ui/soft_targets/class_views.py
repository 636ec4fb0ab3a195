"""Views by class: mean soft targets by true class, and what distillation changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from tsexplorer.plots.classes import MAX_CLASSES, confused_classes, short_name
from tsexplorer.plots.quality import (
    confusion_difference_figure,
    confusion_figure,
    reliability_figure,
)
from tsexplorer.plots.soft_targets import (
    difference_cells,
    matrix_cells,
    select_classes,
    value_limits,
)
from tsexplorer.plots.style import TITLES
from tsexplorer.specs import Role
from tsexplorer.ui.figures import csv_button, figure
from tsexplorer.ui.matrices import Axis, Layout, TitledMatrix, matrices
from tsexplorer.ui.soft_targets.image_views import gallery
from tsexplorer.ui.soft_targets.page_state import ViewContext, require_teacher
from tsexplorer.ui.theme import escaped, palette, role_label

if TYPE_CHECKING:
    from tsexplorer.analysis.soft_targets import ClassMatrix, Floats, Integers

IMAGES_SHOWN = 14
MORE_CLASSES = 5
"""Classes that can be added to a matrix."""
MAX_FLAT_NAME = 3
"""Characters of a name that fits above a narrow column."""
TITLE_WIDTH = 40
"""Characters of a class name in a heading or a sentence."""
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
    labels_N = context.images.labels_N
    teacher = analysis.class_matrix(context.logits["teacher"], labels_N, context.temperature)
    student = analysis.class_matrix(context.logits[role], labels_N, context.temperature)
    classes = _choose_classes(context, "classes_more", teacher.values_CC)
    shown = [select_classes(matrix, classes) for matrix in (teacher, student)]
    file_name = f"classes-T-{context.temperature:g}"
    chosen = matrices(
        _titled_matrices(
            role,
            shown,
            [context.images.classes[label] for label in classes],
            hide_diagonal=hide_diagonal,
            log=log,
        ),
        _layout(context, classes, analysis.similarity_order(shown[0]) if by_similarity else ()),
        file_name=file_name,
        key="matrices",
    )
    st.caption(
        f"{context.provenance} A row is the mean softmax at T = {context.temperature:g} over the "
        f"images of its class, in percent.{_omitted(context, classes, 'soft targets')}"
    )
    csv_button(_class_table(context, teacher, student), file_name)
    if chosen is not None:
        _cell_images(context, classes[chosen.row], classes[chosen.column])


def _titled_matrices(
    role: Role, shown: list[ClassMatrix], names: list[str], *, hide_diagonal: bool, log: bool
) -> list[TitledMatrix]:
    """Return the matrices of teacher and student, and their difference.

    Args:
        role: of the student.
        shown: matrices of teacher and student.
        names: names of their classes.
        hide_diagonal: whether cells on the diagonal are empty.
        log: whether colours are logarithmic.
    """
    from tsexplorer.analysis import soft_targets as analysis

    every = [*shown, analysis.difference(*shown)]
    if hide_diagonal:
        every = [analysis.without_diagonal(matrix) for matrix in every]
    teacher, student, gap = every
    limits = value_limits(teacher, student)
    return [
        TitledMatrix("teacher", matrix_cells(teacher, names, limits=limits, log=log)),
        TitledMatrix(role, matrix_cells(student, names, limits=limits, log=log)),
        TitledMatrix("Teacher − student", difference_cells(gap, names)),
    ]


def _layout(context: ViewContext, classes: list[int], order: tuple[int, ...]) -> Layout:
    """Return rows and columns of the matrices: both are the shown classes."""
    names = [context.short_names[label] for label in classes]
    axis = Axis(names, order, [context.images.classes[label] for label in classes])
    upright = max(len(name) for name in names) > MAX_FLAT_NAME
    return Layout(axis, axis, "True class", NOTE, "Class matrices", upright=upright)


def _choose_classes(context: ViewContext, key: str, *matrices_CC: Floats | Integers) -> list[int]:
    """Return the classes of a matrix; of many, those with the largest values for other classes.

    The user can add some others.
    """
    count = len(context.images.classes)
    classes = confused_classes(*matrices_CC)
    if count <= MAX_CLASSES:
        return classes
    more = st.multiselect(
        "More classes",
        range(count),
        format_func=context.short_names.__getitem__,
        max_selections=MORE_CLASSES,
        placeholder="Add classes to the matrix",
        key=f"{key}.{context.experiment.id}",
    )
    return sorted({*classes, *more})


def _omitted(context: ViewContext, classes: list[int], what: str) -> str:
    """Return the sentence that says which classes a matrix shows, after a space."""
    count = len(context.images.classes)
    if len(classes) == count:
        return ""
    return (
        f" Shown: {len(classes)} of {count} classes, those with the largest {what} for other "
        "classes and those added above."
    )


def _cell_images(context: ViewContext, row: int, column: int) -> None:
    """Draw the images of a cell with the largest soft targets."""
    from tsexplorer.analysis.soft_targets import MatrixCell, images_of_cell, soft_targets

    z_t_NC = context.logits["teacher"]
    true_name, other = (
        escaped(short_name(context.images.classes[label], TITLE_WIDTH)) for label in (row, column)
    )
    index_K = images_of_cell(
        z_t_NC, context.images.labels_N, MatrixCell(row, column), context.temperature
    )[:IMAGES_SHOWN]
    targets_K = soft_targets(z_t_NC[index_K], context.temperature)[:, column]
    targets = dict(zip(index_K.tolist(), targets_K.tolist(), strict=True))
    st.subheader(f"Images of {true_name} with a large target for {other}", anchor=False)
    st.caption(
        f"The {len(targets)} images of class {true_name} with the teacher’s largest soft target "
        f"for {other} at T = {context.temperature:g}."
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
    classes = _choose_classes(context, "confusions_more", *counts.values())
    columns = st.columns(3) if len(names) <= 10 else [st.container()] * 3
    for column, role in zip(columns, roles, strict=False):
        with column:
            st.markdown(role_label(role))
            drawn = confusion_figure(counts[role], names, palette(), classes)
            figure(drawn, f"confusion_{role}")
    if len(roles) == 2:
        with columns[2]:
            st.markdown("**Distilled − baseline**")
            difference = counts["distilled"] - counts["baseline"]
            drawn = confusion_difference_figure(difference, names, palette(), classes)
            figure(drawn, "confusion_gap")
    st.caption(
        "Number of images by true class (row) and answer (column)."
        f"{_omitted(context, classes, 'counts')}"
    )


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
