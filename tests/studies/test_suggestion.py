"""From repeats to a suggestion, and what may be said of its lead."""

from __future__ import annotations

import pytest
from scipy import stats

from tests.studies.tune_examples import tune
from tsexplorer.students.events import Scores
from tsexplorer.studies.student_stages import Cell
from tsexplorer.studies.tuning.optuna_search import Trial
from tsexplorer.studies.tuning.suggestion import Suggestion, repeat_results

SETTINGS = (Cell(2.0, 0.1, 0.01), Cell(4.0, 0.1, 0.01), Cell(8.0, 0.1, 0.01))
IMAGES = (500, 500)


def suggested(repeats: int, lead: tuple[float, ...]) -> Suggestion:
    """Of a tuning whose first setting is ahead by so much, seed by seed; others by nothing."""
    asked = tune(repeats=repeats, seeds=len(lead), baselines=1)
    trials = [
        Trial(number, 0, setting, "done", 0.9 - 0.01 * number, {})
        for number, setting in enumerate(SETTINGS)
    ]
    (rate,) = asked.baseline_rates
    scores = {
        one.hash: scored(0.8) for one in asked.baseline_students(asked.search_seed_values, rate)
    }
    for place, setting in enumerate(SETTINGS[:repeats]):
        for student, ahead in zip(
            asked.students(setting, asked.repeat_seed_values), lead, strict=True
        ):
            scores[student.hash] = scored(0.8 + (0 if place else ahead))
    for student in asked.baseline_students(asked.repeat_seed_values, rate):
        scores[student.hash] = scored(0.8)
    found = repeat_results(
        asked, trials, scores, dict.fromkeys(scores, 0.7), 0.95, IMAGES
    ).suggestion
    assert found is not None
    return found


def scored(accuracy: float) -> Scores:
    return Scores(accuracy, 1.0)


def test_the_leads_interval_allows_for_the_choice_on_the_same_seeds() -> None:
    """Ahead by ordinary lights, and not once it is the best of three."""
    lead = (0.012, 0.020, 0.025)
    ends = {
        k: stats.t.interval(1 - 0.05 / k, 2, loc=sum(lead) / 3, scale=stats.sem(lead))
        for k in (1, 3)
    }
    assert ends[1][0] > 0 > ends[3][0]
    alone, chosen = suggested(1, lead), suggested(3, lead)
    for found, k in ((alone, 1), (chosen, 3)):
        assert found.result.cell == SETTINGS[0]
        assert found.lead is not None
        assert (found.lead.low, found.lead.high) == pytest.approx(ends[k])
    assert alone.gains
    assert not chosen.gains


def test_a_lead_beyond_luck_is_one_for_the_best_of_three_too() -> None:
    assert suggested(3, (0.05, 0.051, 0.052)).gains
