"""Stroke width is measured, and a redrawn digit has the stroke width that was asked for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from tests.imaging.synthetic_ink import HEIGHT, WIDTH, digit_ink
from tests.imaging.synthetic_scenes import stroke_cover
from tsexplorer.imaging.stroke_width import edge_offset, mean_stroke_width, offset_edge
from tsexplorer.imaging.types import BOX_SIDE


@pytest.mark.parametrize("width", [2, 3, 5, 8, 13, 30])
def test_the_stroke_width_of_a_bar_is_measured(width: int) -> None:
    mask = np.zeros((100, 300), bool)
    mask[20 : 20 + width, 20:280] = True
    assert mean_stroke_width(mask) == pytest.approx(width, abs=0.4 + 0.03 * width)
    assert mean_stroke_width(np.zeros((5, 5), bool)) == 0


@pytest.mark.parametrize(("width", "target"), [(2, None), (4, 3.0), (30, 4.0), (60, None)])
def test_the_offset_leads_to_the_target_width(width: float, target: float | None) -> None:
    longer_side = 160.0
    offset = edge_offset(width, longer_side, target)
    in_box = BOX_SIDE * (width + 2 * offset) / (longer_side + 2 * offset)
    assert in_box == pytest.approx(target or (2.3 if width < 20 else 4.0))


@pytest.mark.parametrize("width_in_box", [1.7, 2.5, 4.0])
def test_a_usual_stroke_width_is_kept(width_in_box: float) -> None:
    assert edge_offset(width_in_box * 160 / BOX_SIDE, 160, None) == 0


@pytest.mark.parametrize("offset", [-3.0, -1.5, 0.0, 2.0, 5.5])
def test_an_offset_changes_the_width_on_both_sides(offset: float) -> None:
    mask = np.zeros((60, 200), bool)
    mask[26:36, 20:180] = True
    redrawn = offset_edge(mask, offset)
    assert redrawn[:, 100].sum() == pytest.approx(10 + 2 * offset, abs=0.6)
    assert redrawn.min() >= 0
    assert redrawn.max() <= 1


def test_holes_stay_open_in_thick_strokes() -> None:
    angles = np.linspace(0, 2 * np.pi, 40)
    loops = [
        np.stack([200 + radius * np.cos(angles), middle + radius * np.sin(angles)], 1)
        for radius, middle in ((30, 110), (38, 178))
    ]
    mask = stroke_cover(loops, (HEIGHT, WIDTH), 4)[40:260, 120:280] > 0.5
    assert ndimage.label(~mask)[1] == 3
    redrawn = offset_edge(mask, 25.0)
    assert ndimage.label(redrawn < 0.5)[1] == 3
    assert redrawn.sum() > 3 * mask.sum()


def test_a_thin_stroke_made_thinner_does_not_vanish() -> None:
    mask = digit_ink(8, 6) > 0.5
    redrawn = offset_edge(mask, -5.0) >= 0.5
    assert 0 < redrawn.sum() < 0.5 * mask.sum()
    assert ndimage.binary_dilation(redrawn, np.ones((3, 3)), 4)[mask].mean() > 0.98
