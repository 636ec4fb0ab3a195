"""The class matrices' Python half: what the browser is sent, and what may come back."""

from __future__ import annotations

import json
from math import nan
from typing import Any

import numpy as np
import pytest

from tsexplorer.plots.soft_targets import Cells
from tsexplorer.plots.style import DARK, LIGHT, SCALES
from tsexplorer.ui.matrices import Axis, Chosen, Layout, Titled, _chosen, payload

CELLS = Cells(
    values_RC=np.array([[nan, 5.0], [0.0, 10.0]]),
    span=(0.0, 10.0),
    scale="amounts",
    ticks={0.0: "none", 7.5: "much"},
    title="Percent",
    shown=(("", "5"), ("0", "10")),
    hover=(("", "five"), ("nought", "ten")),
)


def sent(*shown: Titled, order: tuple[int, ...] = ()) -> dict[str, Any]:
    axis = Axis(("a", "<b>"), order)
    layout = Layout(axis, axis, "True class", "Click.", "Class matrices")
    text = json.dumps(payload(shown, layout, "classes-T-4"), allow_nan=False)
    read: dict[str, Any] = json.loads(text)
    return read


def test_a_matrix_wears_its_roles_title_or_words() -> None:
    teacher, gap = sent(Titled("teacher", CELLS), Titled("Gap", CELLS))["matrices"]
    assert [teacher[key] for key in ("role", "title", "mark")] == ["teacher", "Teacher", "■"]
    assert [gap[key] for key in ("role", "title", "mark")] == [None, "Gap", None]
    assert teacher["legend"] == "Percent"
    assert teacher["ticks"] == [[0.0, "none"], [0.75, "much"]]


def test_cells_go_by_class_number_whatever_their_order() -> None:
    data = sent(Titled("teacher", CELLS), order=(1, 0))
    for axis in ("rows", "columns"):
        assert data[axis] == {"names": ["a", "<b>"], "order": [1, 0]}
    assert data["file"] == "classes-T-4"
    cells = data["matrices"][0]["cells"]
    assert [[cell["text"] for cell in row] for row in cells] == [["", "5"], ["0", "10"]]
    assert cells[1][0]["hover"] == "nought"
    assert sent(Titled("teacher", CELLS))["rows"]["order"] == [0, 1]


def test_rows_and_columns_may_differ_and_cells_be_framed() -> None:
    wide = CELLS._replace(
        values_RC=np.array([[0.0, nan, 10.0]]),
        shown=(("0", "", "10"),),
        hover=(("nought", "", "ten"),),
        framed=((False, False, True),),
    )
    layout = Layout(Axis(("x",)), Axis(("a", "b", "c")), "λ", "", "Map", apart=True, aspect=2)
    data = payload([Titled("One", wide)], layout, "map")
    (row,) = data["matrices"][0]["cells"]
    assert [cell["framed"] for cell in row] == [False, False, True]
    assert [cell["grounds"] is None for cell in row] == [False, True, False]
    assert (data["apart"], data["aspect"], data["corner"]["text"]) == (True, 2, "λ")
    assert not any(cell["framed"] for cell in sent(Titled("gap", CELLS))["matrices"][0]["cells"][1])


def test_colours_are_those_of_both_backgrounds() -> None:
    matrix = sent(Titled("teacher", CELLS))["matrices"][0]
    light, dark = (SCALES[palette].amounts for palette in (LIGHT, DARK))
    assert matrix["scale"] == [f"{a}, {b}" for a, b in zip(light, dark, strict=True)]
    cells = matrix["cells"]
    for cell, place in ((cells[1][0], 0), (cells[1][1], -1)):
        assert cell["grounds"] == f"{light[place].lower()}, {dark[place].lower()}"
    assert cells[1][0]["inks"] == "#000000, #FFFFFF"
    assert cells[1][1]["inks"] == "#FFFFFF, #000000"
    assert cells[0][0]["grounds"] is None


@pytest.mark.parametrize(
    ("state", "cell"),
    [
        (None, None),
        ({}, None),
        ({"cell": None}, None),
        ({"cell": [0, 1, 2]}, Chosen(0, 1, 2)),
        ({"cell": [1, 1, 2]}, None),
        ({"cell": [0, 2, 0]}, None),
        ({"cell": [0, 0, 3]}, None),
        ({"cell": [0, 0, -1]}, None),
        ({"cell": [0, 0]}, None),
        ({"cell": [0, "0", 1]}, None),
        ({"cell": [0, 0.5, 1]}, None),
    ],
)
def test_a_cell_that_there_is_may_be_chosen(state: Any, cell: Chosen | None) -> None:
    assert _chosen(state, Chosen(1, 2, 3)) == cell
