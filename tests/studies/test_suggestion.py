"""The suggestion from repeated trials, and the confidence interval of its lead."""

from __future__ import annotations

import pytest
from scipy import stats

from tests.studies.tune_examples import make_tune
from tsexplorer.students.events import Scores
from tsexplorer.studies.student_stages import Cell
from tsexplorer.studies.tuning.optuna_search import Trial
from tsexplorer.studies.tuning.suggestion import Suggestion, repeat_results

SETTINGS = (Cell(2.0, 0.1, 0.01), Cell(4.0, 0.1, 0.01), Cell(8.0, 0.1, 0.01))
IMAGES = (500, 500)


def suggest(repeats: int, lead: tuple[float, ...]) -> Suggestion:
    """The suggestion if the first setting leads by this much on each seed, and no other leads."""
    tune = make_tune(repeats=repeats, seeds=len(lead), baselines=1)
    trials = [
        Trial(number, 0, setting, "done", 0.9 - 0.01 * number, {})
        for number, setting in enumerate(SETTINGS)
    ]
    (rate,) = tune.baseline_rates
    scores = {}
    for seeds in (tune.search_seed_values, tune.repeat_seed_values):
        for student in tune.baseline_students(seeds, rate):
            scores[student.hash] = make_scores(0.8)
    for number, setting in enumerate(SETTINGS[:repeats]):
        students = tune.students(setting, tune.repeat_seed_values)
        for student, seed_lead in zip(students, lead, strict=True):
            scores[student.hash] = make_scores(0.8 if number else 0.8 + seed_lead)
    test = dict.fromkeys(scores, 0.7)
    suggestion = repeat_results(tune, trials, scores, test, 0.95, IMAGES).suggestion
    assert suggestion is not None
    return suggestion


def make_scores(accuracy: float) -> Scores:
    return Scores(accuracy, 1.0)


def test_interval_is_wider_for_the_best_of_several_settings() -> None:
    """A lead that is significant for one setting, and not for the best of three."""
    lead = (0.012, 0.020, 0.025)
    ends = {
        k: stats.t.interval(1 - 0.05 / k, 2, loc=sum(lead) / 3, scale=stats.sem(lead))
        for k in (1, 3)
    }
    assert ends[1][0] > 0 > ends[3][0]
    single, best_of_three = suggest(1, lead), suggest(3, lead)
    for suggestion, k in ((single, 1), (best_of_three, 3)):
        assert suggestion.result.cell == SETTINGS[0]
        assert suggestion.lead is not None
        assert (suggestion.lead.low, suggestion.lead.high) == pytest.approx(ends[k])
    assert single.gains
    assert not best_of_three.gains


def test_a_large_lead_is_significant_for_the_best_of_three() -> None:
    assert suggest(3, (0.05, 0.051, 0.052)).gains
