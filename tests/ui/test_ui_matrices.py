"""Matrices in Python: the data for the browser, and the choice that it sends back."""

from __future__ import annotations

import json
from math import nan
from typing import Any

import numpy as np
import pytest

from tsexplorer.plots.soft_targets import CellGrid
from tsexplorer.plots.style import DARK, LIGHT, SCALES
from tsexplorer.ui.matrices import Axis, CellIndex, Layout, TitledMatrix, payload, read_choice

CELLS = CellGrid(
    values_RC=np.array([[nan, 5.0], [0.0, 10.0]]),
    limits=(0.0, 10.0),
    scale="amounts",
    ticks={0.0: "none", 7.5: "much"},
    title="Percent",
    texts=(("", "5"), ("0", "10")),
    hover=(("", "five"), ("nought", "ten")),
)


def browser_data(*shown: TitledMatrix, order: tuple[int, ...] = ()) -> dict[str, Any]:
    """The payload of some matrices as the browser reads it."""
    axis = Axis(("a", "<b>"), order)
    layout = Layout(axis, axis, "True class", "Click.", "Class matrices")
    text = json.dumps(payload(shown, layout, "classes-T-4"), allow_nan=False)
    read: dict[str, Any] = json.loads(text)
    return read


def test_a_matrix_has_the_title_of_its_role_or_a_text() -> None:
    teacher, gap = browser_data(TitledMatrix("teacher", CELLS), TitledMatrix("Gap", CELLS))[
        "matrices"
    ]
    assert [teacher[key] for key in ("role", "title", "mark")] == ["teacher", "Teacher", "■"]
    assert [gap[key] for key in ("role", "title", "mark")] == [None, "Gap", None]
    assert teacher["legend"] == "Percent"
    assert teacher["ticks"] == [[0.0, "none"], [0.75, "much"]]


def test_cells_are_in_index_order_for_any_display_order() -> None:
    data = browser_data(TitledMatrix("teacher", CELLS), order=(1, 0))
    for axis in ("rows", "columns"):
        assert data[axis] == {"names": ["a", "<b>"], "order": [1, 0]}
    assert data["file"] == "classes-T-4"
    cells = data["matrices"][0]["cells"]
    assert [[cell["text"] for cell in row] for row in cells] == [["", "5"], ["0", "10"]]
    assert cells[1][0]["hover"] == "nought"
    assert browser_data(TitledMatrix("teacher", CELLS))["rows"]["order"] == [0, 1]


def test_shortened_names_have_titles() -> None:
    axis = Axis(("a", "long na…"), titles=("a", "long name <b>"))
    layout = Layout(axis, axis, "True class", "Click.", "Class matrices", upright=True)
    data = payload([TitledMatrix("teacher", CELLS)], layout, "classes")
    for side in ("rows", "columns"):
        assert data[side]["names"] == ["a", "long na…"]
        assert data[side]["titles"] == ["a", "long name <b>"]
    assert data["upright"] is True
    assert browser_data(TitledMatrix("teacher", CELLS))["upright"] is False


def test_rows_and_columns_may_differ_and_cells_have_frames() -> None:
    wide = CELLS._replace(
        values_RC=np.array([[0.0, nan, 10.0]]),
        texts=(("0", "", "10"),),
        hover=(("nought", "", "ten"),),
        framed=((False, False, True),),
    )
    layout = Layout(Axis(("x",)), Axis(("a", "b", "c")), "λ", "", "Map", apart=True, aspect=2)
    data = payload([TitledMatrix("One", wide)], layout, "map")
    (row,) = data["matrices"][0]["cells"]
    assert [cell["framed"] for cell in row] == [False, False, True]
    assert [cell["background"] is None for cell in row] == [False, True, False]
    assert (data["apart"], data["aspect"], data["corner"]["text"]) == (True, 2, "λ")
    assert not any(
        cell["framed"]
        for cell in browser_data(TitledMatrix("gap", CELLS))["matrices"][0]["cells"][1]
    )


def test_cells_have_colours_for_light_and_dark() -> None:
    matrix = browser_data(TitledMatrix("teacher", CELLS))["matrices"][0]
    light, dark = (SCALES[palette].amounts for palette in (LIGHT, DARK))
    assert matrix["scale"] == [f"{a}, {b}" for a, b in zip(light, dark, strict=True)]
    cells = matrix["cells"]
    for cell, index in ((cells[1][0], 0), (cells[1][1], -1)):
        assert cell["background"] == f"{light[index].lower()}, {dark[index].lower()}"
    assert cells[1][0]["colour"] == "#000000, #FFFFFF"
    assert cells[1][1]["colour"] == "#FFFFFF, #000000"
    assert cells[0][0]["background"] is None


@pytest.mark.parametrize(
    ("state", "cell"),
    [
        (None, None),
        ({}, None),
        ({"cell": None}, None),
        ({"cell": [0, 1, 2]}, CellIndex(0, 1, 2)),
        ({"cell": [1, 1, 2]}, None),
        ({"cell": [0, 2, 0]}, None),
        ({"cell": [0, 0, 3]}, None),
        ({"cell": [0, 0, -1]}, None),
        ({"cell": [0, 0]}, None),
        ({"cell": [0, "0", 1]}, None),
        ({"cell": [0, 0.5, 1]}, None),
    ],
)
def test_only_existing_cells_can_be_chosen(state: Any, cell: CellIndex | None) -> None:
    assert read_choice(state, CellIndex(1, 2, 3)) == cell
