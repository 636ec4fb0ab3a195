"""Class matrices side by side, whose cells can be chosen.

Filled anew in place when T changes (``assets/matrix``): three Plotly figures take half a second of
the browser to be drawn anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from tsexplorer.plots.palette import DARK, LIGHT, TITLES
from tsexplorer.plots.scales import BLACK, SCALES, WHITE, mixed, reads_in_black
from tsexplorer.plots.soft_targets import Cells
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


def matrices(
    shown: Sequence[Titled], classes: Sequence[str], order: Sequence[int], *, name: str, key: str
) -> tuple[int, int] | None:
    """Draw matrices of the same classes.

    Args:
        shown: the matrices.
        classes: the names of the C classes.
        order: class numbers from the top down and from left to right; empty for their own order.
        name: of the picture that is saved.
        key: the matrices' name on their page.

    Returns:
        row and column, as class numbers, of the cell that a person has chosen; None without one.
    """
    chosen = _chosen(st.session_state.get(key), len(classes))
    _mount(key=key, data=payload(shown, classes, order, name))
    return chosen


def payload(
    shown: Sequence[Titled], classes: Sequence[str], order: Sequence[int], name: str
) -> dict[str, Any]:
    """What the browser gets, as JSON; for arguments see :func:`matrices`."""
    return {
        "classes": list(classes),
        "order": list(order) or list(range(len(classes))),
        "matrices": [_matrix(one) for one in shown],
        "file": name,
    }


def _chosen(state: Any, classes: int) -> tuple[int, int] | None:
    """The cell out of the component's state, if the browser sent one that there is."""
    match (state or {}).get("cell"):
        case [int(row), int(column)] if 0 <= row < classes and 0 <= column < classes:
            return row, column
    return None


def _matrix(one: Titled) -> dict[str, Any]:
    cells, (low, high) = one.cells, one.cells.span
    shares_CC = (cells.values_CC - low) / (high - low)
    scales = [getattr(SCALES[palette], cells.scale) for palette in (LIGHT, DARK)]
    grounds = [mixed(scale, shares_CC) for scale in scales]
    black = [reads_in_black(scale, shares_CC) for scale in scales]
    size = range(len(shares_CC))
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
                    **_colours(shares_CC, grounds, black, (row, column)),
                }
                for column in size
            ]
            for row in size
        ],
    }


def _colours(
    shares_CC: NDArray[np.float64],
    grounds: Sequence[Sequence[Sequence[str]]],
    black: Sequence[NDArray[np.bool_]],
    at: tuple[int, int],
) -> dict[str, str | None]:
    """Colours of a cell and its words on light and dark; None where there is no cell."""
    row, column = at
    if np.isnan(shares_CC[at]):
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
