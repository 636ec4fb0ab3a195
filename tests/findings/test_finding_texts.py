"""The texts of the ready-made maps: each figure in them is computed from the map's file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tsexplorer.published.maps import shipped
from tsexplorer.studies.grid_results import CellResult, Estimate


def cells(name: str) -> tuple[CellResult, ...]:
    return shipped(name).figures.map.cells


def mean(estimate: Estimate | None) -> float:
    """Mean in percent."""
    assert estimate is not None
    return 100 * estimate.mean


def gains(name: str, *, low: float = 0, high: float = 1000, lam: float = 1) -> list[float]:
    """Points above the baseline of all cells with T from low to high and λ below ``lam``."""
    baseline = mean(shipped(name).figures.map.baseline)
    return [
        mean(one.accuracy) - baseline
        for one in cells(name)
        if low <= one.cell.temperature <= high and one.cell.lam < lam
    ]


def row(name: str, lam: float) -> Iterator[tuple[float, float]]:
    """T and accuracy in percent of the cells with this λ."""
    return (
        (one.cell.temperature, mean(one.accuracy)) for one in cells(name) if one.cell.lam == lam
    )


def shows(name: str) -> str:
    return shipped(name).finding.shows


def span(values: list[float], digits: int = 1) -> str:
    return f"{min(values):.{digits}f} to {max(values):.{digits}f}"


def test_quick_gains_two_to_three_points_from_t_4_on() -> None:
    assert f"beat the baseline by {span(gains('quick', low=4))} points" in shows("quick")
    assert max(gains("quick", high=1)) < 0.1
    assert not any(one.may_be_best for one in cells("quick") if one.cell.temperature < 4)
    best = [one.may_be_best for one in cells("quick") if one.cell.temperature >= 4]
    taught = [one for one in cells("quick") if one.cell.temperature >= 4 and one.cell.lam < 1]
    assert sum(best) == len(taught)


def test_mlp_64_gains_up_to_t_4_and_falls_from_t_6_on() -> None:
    text = shows("mlp-64")
    assert f"beat the baseline by {span(gains('mlp-64', high=4))} points" in text
    low = [one for one in cells("mlp-64") if one.cell.temperature <= 4 and one.cell.lam < 1]
    assert sum(one.may_be_best for one in low) > len(low) / 2
    for lam in (0, 0.25, 0.5, 0.75):
        falling = [accuracy for t, accuracy in row("mlp-64", lam) if t >= 6]
        assert falling == sorted(falling, reverse=True)
    assert "at T = 20 and λ ≤ 0.5 it is below the baseline" in text
    assert max(gains("mlp-64", low=20, lam=0.6)) < -0.1


def test_wu_mlp_falls_as_t_rises() -> None:
    text = shows("wu-mlp")
    soft = dict(row("wu-mlp", 0))
    baseline = mean(shipped("wu-mlp").figures.map.baseline)
    assert f"from {soft[1]:.1f} % at T = 1, the baseline's accuracy, to {soft[20]:.1f} %" in text
    assert f"{soft[1]:.1f}" == f"{baseline:.1f}"
    assert list(soft.values()) == sorted(soft.values(), reverse=True)
    falls = [next(a for t, a in row("wu-mlp", lam) if t == 20) for lam in (0, 0.25, 0.5, 0.75)]
    assert falls == sorted(falls)
    assert f"more than {max(gains('wu-mlp')):.2f} points above the baseline" in text


def test_hinton_narrow_has_lower_means_from_t_6_on() -> None:
    text = shows("hinton-narrow")
    taught = [one for one in cells("hinton-narrow") if one.cell.lam < 1]
    low = [mean(one.accuracy) for one in taught if one.cell.temperature <= 4]
    high = [one for one in taught if one.cell.temperature >= 6]
    assert f"{span(low)} %" in text
    assert max(mean(one.accuracy) for one in high) < min(low)
    worst = max(high, key=lambda one: mean(one.behind))
    assert worst.cell[:2] == (12, 0)
    assert f"by up to {mean(worst.behind):.1f} points at T = 12 and λ = 0" in text
    assert all(one.may_be_best for one in taught if one.cell.temperature <= 4)
    assert all(one.may_be_best for one in cells("hinton-narrow") if one.cell.lam == 1)


def test_hinton_300_is_alike_from_t_4_on() -> None:
    text = shows("hinton-300")
    taught = [one for one in cells("hinton-300") if one.cell.lam == 0]
    alike = [mean(one.accuracy) for one in taught if one.cell.temperature >= 4]
    closed = [100 * (one.gap_of_means or 0) for one in taught if one.cell.temperature >= 2]
    assert f"{min(alike):.2f} and {max(alike):.2f} %" in text
    assert f"{span(closed, 0)} % of the gap" in text
    assert next(one.may_be_best for one in taught if one.cell.temperature == 1)


@pytest.mark.parametrize("name", ["quick", "mlp-64", "wu-mlp", "hinton-narrow", "hinton-300"])
def test_each_answer_is_a_few_short_sentences(name: str) -> None:
    assert max(len(sentence.split()) for sentence in shows(name).split(". ")) <= 40
