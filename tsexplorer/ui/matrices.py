"""Matrices side by side, whose cells can be chosen.

Filled anew in place when their numbers change (``assets/matrix``): three Plotly figures take half a
second of the browser to be drawn anew, and flicker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from tsexplorer.plots.soft_targets import Cells
from tsexplorer.plots.style import BLACK, DARK, LIGHT, SCALES, TITLES, WHITE, mixed, reads_in_black
from tsexplorer.specs import Role
from tsexplorer.ui.components import joined
from tsexplorer.ui.theme import MARKS

_mount = st.components.v2.component(
    "tsexplorer_matrices",
    html=joined("matrix/matrix.html"),
    css=joined("shared/pictures.css", "matrix/matrix.css"),
    js=joined(
        *("shared/elements.js", "shared/pictures.js"),
        *("matrix/picture.js", "matrix/matrix.js"),
    ),
)


class Titled(NamedTuple):
    """A matrix under its title.

    Attributes:
        title: the role whose matrix it is, or words.
        cells: what is shown.
    """

    title: Role | str
    cells: Cells


@dataclass(frozen=True)
class Axis:
    """Rows or columns.

    Attributes:
        names: of all there are, by number.
        order: their numbers as they are shown; empty for their own order.
    """

    names: Sequence[str]
    order: Sequence[int] = ()


@dataclass(frozen=True)
class Layout:
    """What all matrices of a view have in common.

    Attributes:
        rows: from the top down.
        columns: from left to right.
        corner: what the rows, or both, are.
        note: a sentence below.
        label: of the whole, for who does not see it.
        corner_shown: whether the corner is for the eye, too.
        apart: whether a cell is chosen in its own matrix, and not in all of them.
        aspect: width of a cell over its height.
    """

    rows: Axis
    columns: Axis
    corner: str
    note: str
    label: str
    corner_shown: bool = False
    apart: bool = False
    aspect: float = 1.1


class Chosen(NamedTuple):
    """A cell that a person has chosen: numbers of its matrix, row and column."""

    matrix: int
    row: int
    column: int


def matrices(shown: Sequence[Titled], layout: Layout, *, name: str, key: str) -> Chosen | None:
    """Draw matrices of the same rows and columns.

    Args:
        shown: the matrices.
        layout: what they have in common.
        name: of the picture that is saved.
        key: the matrices' name on their page.

    Returns:
        the cell that a person has chosen; None without one.
    """
    size = Chosen(len(shown), len(layout.rows.names), len(layout.columns.names))
    chosen = _chosen(st.session_state.get(key), size)
    _mount(key=key, data=payload(shown, layout, name))
    return chosen


def payload(shown: Sequence[Titled], layout: Layout, name: str) -> dict[str, Any]:
    """What the browser gets, as JSON; for arguments see :func:`matrices`."""
    return {
        "rows": _axis(layout.rows),
        "columns": _axis(layout.columns),
        "corner": {"text": layout.corner, "shown": layout.corner_shown},
        "note": layout.note,
        "label": layout.label,
        "apart": layout.apart,
        "aspect": layout.aspect,
        "matrices": [_matrix(one) for one in shown],
        "file": name,
    }


def _axis(axis: Axis) -> dict[str, Any]:
    names = list(axis.names)
    return {"names": names, "order": list(axis.order) or list(range(len(names)))}


def _chosen(state: Any, size: Chosen) -> Chosen | None:
    """The cell out of the component's state, if the browser sent one that there is."""
    match (state or {}).get("cell"):
        case [int(matrix), int(row), int(column)]:
            cell = Chosen(matrix, row, column)
            if all(0 <= place < end for place, end in zip(cell, size, strict=True)):
                return cell
    return None


def _matrix(one: Titled) -> dict[str, Any]:
    cells, (low, high) = one.cells, one.cells.span
    shares_RC = (cells.values_RC - low) / (high - low)
    scales = [getattr(SCALES[palette], cells.scale) for palette in (LIGHT, DARK)]
    grounds = [mixed(scale, shares_RC) for scale in scales]
    black = [reads_in_black(scale, shares_RC) for scale in scales]
    rows, columns = shares_RC.shape
    return {
        **_title(one.title),
        "legend": cells.title,
        "scale": [f"{light}, {dark}" for light, dark in zip(*scales, strict=True)],
        "ticks": [[(value - low) / (high - low), text] for value, text in cells.ticks.items()],
        "cells": [
            [
                {
                    "text": cells.shown[row][column],
                    "hover": cells.hover[row][column],
                    "framed": cells.framed is not None and cells.framed[row][column],
                    **_colours(shares_RC, grounds, black, (row, column)),
                }
                for column in range(columns)
            ]
            for row in range(rows)
        ],
    }


def _colours(
    shares_RC: NDArray[np.float64],
    grounds: Sequence[Sequence[Sequence[str]]],
    black: Sequence[NDArray[np.bool_]],
    at: tuple[int, int],
) -> dict[str, str | None]:
    """Colours of a cell and its words on light and dark; None where there is no cell."""
    row, column = at
    if np.isnan(shares_RC[at]):
        return {"grounds": None, "inks": None}
    inks = (BLACK if one[at] else WHITE for one in black)
    return {
        "grounds": ", ".join(one[row][column] for one in grounds),
        "inks": ", ".join(inks),
    }


def _title(title: Role | str) -> dict[str, str | None]:
    for role, words in TITLES.items():
        if title == role:
            return {"role": role, "title": words, "mark": MARKS[role]}
    return {"role": None, "title": title, "mark": None}
