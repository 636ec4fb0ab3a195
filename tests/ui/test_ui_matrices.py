"""The class matrices' Python half: what the browser is sent, and what may come back."""

from __future__ import annotations

import json
from math import nan
from typing import Any

import numpy as np
import pytest

from tsexplorer.plots.palette import DARK, LIGHT
from tsexplorer.plots.scales import SCALES
from tsexplorer.plots.soft_targets import Cells
from tsexplorer.ui.matrices import Titled, _chosen, payload

CELLS = Cells(
    values_CC=np.array([[nan, 5.0], [0.0, 10.0]]),
    span=(0.0, 10.0),
    scale="amounts",
    ticks={0.0: "none", 7.5: "much"},
    title="Percent",
    shown=(("", "5"), ("0", "10")),
    hover=(("", "five"), ("nought", "ten")),
)


def sent(*shown: Titled, order: tuple[int, ...] = ()) -> dict[str, Any]:
    text = json.dumps(payload(shown, ("a", "<b>"), order, "classes-T-4"), allow_nan=False)
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
    assert (data["classes"], data["order"], data["file"]) == (["a", "<b>"], [1, 0], "classes-T-4")
    cells = data["matrices"][0]["cells"]
    assert [[cell["text"] for cell in row] for row in cells] == [["", "5"], ["0", "10"]]
    assert cells[1][0]["hover"] == "nought"
    assert sent(Titled("teacher", CELLS))["order"] == [0, 1]


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
        ({"cell": [1, 0]}, (1, 0)),
        ({"cell": [2, 0]}, None),
        ({"cell": [0, -1]}, None),
        ({"cell": [0]}, None),
        ({"cell": ["0", 1]}, None),
        ({"cell": [0.5, 1]}, None),
    ],
)
def test_a_cell_that_there_is_may_be_chosen(state: Any, cell: tuple[int, int] | None) -> None:
    assert _chosen(state, 2) == cell
