"""Contests: paired differences, intervals, who cannot be told apart."""

from __future__ import annotations

import pytest

from tsexplorer.analysis.seed_statistics import (
    Entrant,
    Interval,
    best_on_validation,
    difference,
    placed,
    t_quantile,
    verdict,
)

SPREAD = {0: 0.90, 1: 0.94, 2: 0.92}
"""Seeds differ by more than the ways to teach do."""


def entrant(title: str, gains: dict[int, float], validation: float = 0.5) -> Entrant:
    """One that is better than ``SPREAD`` by its gains."""
    test = {seed: SPREAD[seed] + gain for seed, gain in gains.items()}
    return Entrant(title, test, dict.fromkeys(gains, validation))


PLAIN = entrant("plain", {0: 0.0, 1: 0.0, 2: 0.0})
GOOD = entrant("good", {0: 0.010, 1: 0.012, 2: 0.011})
ALIKE = entrant("alike", {0: 0.012, 1: 0.009, 2: 0.009}, validation=0.7)
BAD = entrant("bad", {0: -0.010, 1: -0.012, 2: -0.011}, validation=0.6)
NOISY = entrant("noisy", {0: 0.03, 1: -0.03, 2: 0.001})


def test_differences_are_by_seed_so_that_what_seeds_share_is_not_spread() -> None:
    found = difference(GOOD.test, PLAIN.test)
    assert found is not None
    assert found.mean == pytest.approx(0.011)
    assert found.half == pytest.approx(t_quantile(2) * 0.001 / 3**0.5)


def test_seeds_that_one_lacks_are_left_out() -> None:
    assert difference({0: 0.5}, {1: 0.5}) is None
    one = difference({0: 0.75, 1: 0.5}, {0: 0.5})
    assert one == Interval(0.25, None, 1)


def test_an_interval_that_holds_nought_tells_nothing() -> None:
    assert verdict(Interval(0.01, 0.005, 3)) == "better"
    assert verdict(Interval(-0.01, 0.005, 3)) == "worse"
    assert verdict(Interval(0.01, 0.02, 3)) == "open"
    assert verdict(Interval(0.01, None, 1)) == "open"
    assert verdict(Interval(0.0, 0.0, 3)) == "open"


def test_places_go_by_the_mean_on_test() -> None:
    places = placed([BAD, PLAIN, ALIKE, GOOD, NOISY], PLAIN)
    assert [one.title for one in places] == ["good", "alike", "noisy", "plain", "bad"]
    assert [one.verdict for one in places] == ["better", "better", "open", "open", "worse"]
    assert [one.tied for one in places] == [True, True, True, False, False]
    assert places[3].difference is None
    assert places[0].accuracy.mean == pytest.approx(0.931)


def test_who_beats_the_first_on_their_seeds_is_not_behind_it() -> None:
    """Rounding or seeds can leave one that is better in each seed below the first."""
    first = Entrant("first", {0: 0.90, 1: 0.91, 2: 0.92, 3: 0.99}, {})
    better = Entrant("better", {0: 0.91, 1: 0.92, 2: 0.931}, {})
    assert [one.tied for one in placed([first, better], first)] == [True, True]


def test_one_seed_tells_nobody_apart() -> None:
    places = placed([entrant("a", {0: 0.01}), entrant("b", {0: -0.01})], entrant("b", {0: -0.01}))
    assert [(one.title, one.verdict, one.tied) for one in places] == [
        ("a", "open", True),
        ("b", "open", True),
    ]


def test_the_best_is_chosen_on_validation_not_on_test() -> None:
    assert best_on_validation([GOOD, BAD, ALIKE]).title == "alike"
    assert best_on_validation([GOOD, BAD]).title == "bad"
