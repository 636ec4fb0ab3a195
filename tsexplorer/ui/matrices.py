"""Matrices side by side whose cells can be chosen.

The component (``assets/matrix``) updates its cells in place when values change: Plotly would take
half a second to draw three figures again, and flicker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from tsexplorer.assets import read_assets
from tsexplorer.plots.soft_targets import CellGrid
from tsexplorer.plots.style import (
    BLACK,
    DARK,
    LIGHT,
    SCALES,
    TITLES,
    WHITE,
    interpolate_colours,
    needs_black_text,
)
from tsexplorer.specs import Role
from tsexplorer.ui.theme import MARKS

_mount = st.components.v2.component(
    "tsexplorer_matrices",
    html=read_assets("matrix/matrix.html"),
    css=read_assets("shared/pictures.css", "matrix/matrix.css"),
    js=read_assets(
        *("shared/elements.js", "shared/pictures.js"),
        *("matrix/picture.js", "matrix/matrix.js"),
    ),
)


class TitledMatrix(NamedTuple):
    """A matrix with its title.

    Attributes:
        title: a role, whose title and mark are shown, or a text.
        cells: values, texts and colours.
    """

    title: Role | str
    cells: CellGrid


@dataclass(frozen=True)
class Axis:
    """Rows or columns.

    Attributes:
        names: of all rows or columns, by index.
        order: indices in the order of display; empty for the order of ``names``.
        titles: full names, shown on hover; empty if ``names`` are not shortened.
    """

    names: Sequence[str]
    order: Sequence[int] = ()
    titles: Sequence[str] = ()


@dataclass(frozen=True)
class Layout:
    """What all matrices of a view have in common.

    Attributes:
        rows: from top to bottom.
        columns: from left to right.
        corner: title of the rows, or of rows and columns.
        note: a sentence below the matrices.
        label: of the component, for screen readers.
        corner_shown: whether the corner is visible; if not, only screen readers read it.
        apart: whether a chosen cell is framed in its own matrix only.
        aspect: width of a cell over its height.
        upright: whether names of columns are written upwards, because they are wider than a cell.
            Cells of many columns then have numbers, and the matrix is scrolled on a phone.
    """

    rows: Axis
    columns: Axis
    corner: str
    note: str
    label: str
    corner_shown: bool = False
    apart: bool = False
    aspect: float = 1.1
    upright: bool = False


class CellIndex(NamedTuple):
    """Indices of a matrix, and of a row and a column in it."""

    matrix: int
    row: int
    column: int


def matrices(
    shown: Sequence[TitledMatrix], layout: Layout, *, file_name: str, key: str
) -> CellIndex | None:
    """Draw matrices with the same rows and columns.

    Args:
        shown: the matrices.
        layout: of all matrices.
        file_name: of the saved picture, without its ending.
        key: Streamlit key.

    Returns:
        The cell that the user has chosen; None without a choice.
    """
    shape = CellIndex(len(shown), len(layout.rows.names), len(layout.columns.names))
    chosen = read_choice(st.session_state.get(key), shape)
    _mount(key=key, data=payload(shown, layout, file_name))
    return chosen


def payload(shown: Sequence[TitledMatrix], layout: Layout, file_name: str) -> dict[str, Any]:
    """Return the data for the browser, as JSON; arguments as in :func:`matrices`."""
    return {
        "rows": _axis_data(layout.rows),
        "columns": _axis_data(layout.columns),
        "corner": {"text": layout.corner, "shown": layout.corner_shown},
        "note": layout.note,
        "label": layout.label,
        "apart": layout.apart,
        "aspect": layout.aspect,
        "upright": layout.upright,
        "matrices": [_matrix_data(matrix) for matrix in shown],
        "file": file_name,
    }


def read_choice(component_state: Any, shape: CellIndex) -> CellIndex | None:
    """Return the cell that the browser sent; None without one, or if it does not exist.

    Args:
        component_state: state of the component, which comes from the browser.
        shape: number of matrices, rows and columns.
    """
    match (component_state or {}).get("cell"):
        case [int(matrix), int(row), int(column)]:
            cell = CellIndex(matrix, row, column)
            if all(0 <= index < size for index, size in zip(cell, shape, strict=True)):
                return cell
    return None


def _axis_data(axis: Axis) -> dict[str, Any]:
    names = list(axis.names)
    data = {"names": names, "order": list(axis.order) or list(range(len(names)))}
    return {**data, "titles": list(axis.titles)} if axis.titles else data


def _matrix_data(matrix: TitledMatrix) -> dict[str, Any]:
    cells, (low, high) = matrix.cells, matrix.cells.limits
    shares_RC = (cells.values_RC - low) / (high - low)
    scales = [getattr(SCALES[palette], cells.scale) for palette in (LIGHT, DARK)]
    backgrounds = [interpolate_colours(scale, shares_RC) for scale in scales]
    black_text = [needs_black_text(scale, shares_RC) for scale in scales]
    rows, columns = shares_RC.shape
    return {
        **_title_data(matrix.title),
        "legend": cells.title,
        "scale": [f"{light}, {dark}" for light, dark in zip(*scales, strict=True)],
        "ticks": [[(value - low) / (high - low), text] for value, text in cells.ticks.items()],
        "cells": [
            [
                {
                    "text": cells.texts[row][column],
                    "hover": cells.hover[row][column],
                    "framed": cells.framed is not None and cells.framed[row][column],
                    **_cell_colours(shares_RC, backgrounds, black_text, (row, column)),
                }
                for column in range(columns)
            ]
            for row in range(rows)
        ],
    }


def _cell_colours(
    shares_RC: NDArray[np.float64],
    backgrounds: Sequence[Sequence[Sequence[str]]],
    black_text: Sequence[NDArray[np.bool_]],
    cell: tuple[int, int],
) -> dict[str, str | None]:
    """Return background and text colour of a cell, each for light and dark; None if it is empty.

    Args:
        shares_RC: position of each value on the colour scale, 0 to 1; NaN for an empty cell.
        backgrounds: colours R×C for light and dark.
        black_text: whether the text is black, R×C for light and dark.
        cell: row and column.
    """
    if np.isnan(shares_RC[cell]):
        return {"background": None, "colour": None}
    row, column = cell
    return {
        "background": ", ".join(colours[row][column] for colours in backgrounds),
        "colour": ", ".join(BLACK if is_black[cell] else WHITE for is_black in black_text),
    }


def _title_data(title: Role | str) -> dict[str, str | None]:
    for role, role_title in TITLES.items():
        if title == role:
            return {"role": role, "title": role_title, "mark": MARKS[role]}
    return {"role": None, "title": title, "mark": None}
