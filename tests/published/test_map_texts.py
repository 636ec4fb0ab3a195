"""The answers of the ready-made maps: each figure in them is computed from the map's file."""

from __future__ import annotations

import pytest

from tsexplorer.published.maps import load_map, published_map_names
from tsexplorer.studies.grid_results import CellResult, Estimate


def cells(name: str) -> tuple[CellResult, ...]:
    return load_map(name).results.map.cells


def distilled_cells(name: str) -> list[CellResult]:
    """The cells of students that learn from the teacher."""
    return [result for result in cells(name) if result.cell.lam < 1]


def mean(estimate: Estimate | None) -> float:
    """Mean in percent."""
    assert estimate is not None
    return 100 * estimate.mean


def gains(name: str, *, low: float = 0, high: float = 1000, lam: float = 1) -> list[float]:
    """Points above the baseline of all cells with T from low to high and λ below ``lam``."""
    baseline = mean(load_map(name).results.map.baseline)
    return [
        mean(result.accuracy) - baseline
        for result in cells(name)
        if low <= result.cell.temperature <= high and result.cell.lam < lam
    ]


def accuracy_by_t(name: str, lam: float) -> dict[float, float]:
    """Accuracy in percent of the cells with this λ, by ascending T."""
    return {
        result.cell.temperature: mean(result.accuracy)
        for result in cells(name)
        if result.cell.lam == lam
    }


def answer(name: str) -> str:
    return load_map(name).entry.answer


def range_text(values: list[float], digits: int = 1) -> str:
    return f"{min(values):.{digits}f} to {max(values):.{digits}f}"


def test_quick_gains_two_to_three_points_from_t_4_on() -> None:
    assert f"beat the baseline by {range_text(gains('quick', low=4))} points" in answer("quick")
    assert max(gains("quick", high=1)) < 0.1
    low = [result for result in cells("quick") if result.cell.temperature < 4]
    high = [result for result in cells("quick") if result.cell.temperature >= 4]
    assert not any(result.may_be_best for result in low)
    distilled = [result for result in high if result.cell.lam < 1]
    assert sum(result.may_be_best for result in high) == len(distilled)


def test_mlp_64_gains_up_to_t_4_and_falls_from_t_6_on() -> None:
    text = answer("mlp-64")
    assert f"beat the baseline by {range_text(gains('mlp-64', high=4))} points" in text
    low = [result for result in distilled_cells("mlp-64") if result.cell.temperature <= 4]
    assert sum(result.may_be_best for result in low) > len(low) / 2
    for lam in (0, 0.25, 0.5, 0.75):
        falling = [accuracy for t, accuracy in accuracy_by_t("mlp-64", lam).items() if t >= 6]
        assert falling == sorted(falling, reverse=True)
    assert "at T = 20 and λ ≤ 0.5 it is below the baseline" in text
    assert max(gains("mlp-64", low=20, lam=0.6)) < -0.1


def test_wu_mlp_falls_as_t_rises() -> None:
    text = answer("wu-mlp")
    soft = accuracy_by_t("wu-mlp", 0)
    baseline = mean(load_map("wu-mlp").results.map.baseline)
    assert f"from {soft[1]:.1f} % at T = 1, the baseline's accuracy, to {soft[20]:.1f} %" in text
    assert f"{soft[1]:.1f}" == f"{baseline:.1f}"
    assert list(soft.values()) == sorted(soft.values(), reverse=True)
    at_t_20 = [accuracy_by_t("wu-mlp", lam)[20] for lam in (0, 0.25, 0.5, 0.75)]
    assert at_t_20 == sorted(at_t_20)
    assert f"more than {max(gains('wu-mlp')):.2f} points above the baseline" in text


def test_hinton_narrow_has_lower_means_from_t_6_on() -> None:
    text = answer("hinton-narrow")
    distilled = distilled_cells("hinton-narrow")
    low = [result for result in distilled if result.cell.temperature <= 4]
    high = [result for result in distilled if result.cell.temperature >= 6]
    means = [mean(result.accuracy) for result in low]
    assert f"{range_text(means)} %" in text
    assert max(mean(result.accuracy) for result in high) < min(means)
    worst = max(high, key=lambda result: mean(result.behind))
    assert worst.cell[:2] == (12, 0)
    assert f"by up to {mean(worst.behind):.1f} points at T = 12 and λ = 0" in text
    assert all(result.may_be_best for result in low)
    assert all(result.may_be_best for result in cells("hinton-narrow") if result.cell.lam == 1)


def test_hinton_300_is_similar_from_t_4_on() -> None:
    text = answer("hinton-300")
    soft = {
        result.cell.temperature: result for result in cells("hinton-300") if result.cell.lam == 0
    }
    similar = [mean(result.accuracy) for t, result in soft.items() if t >= 4]
    closed = [100 * (result.gap_of_means or 0) for t, result in soft.items() if t >= 2]
    assert f"{min(similar):.2f} and {max(similar):.2f} %" in text
    assert f"{range_text(closed, 0)} % of the gap" in text
    assert soft[1].may_be_best


@pytest.mark.parametrize("name", published_map_names())
def test_each_answer_is_a_few_short_sentences(name: str) -> None:
    assert max(len(sentence.split()) for sentence in answer(name).split(". ")) <= 40
