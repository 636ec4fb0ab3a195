"""Figures of a search: history, slices, importances, and sentences on the suggestion."""

from __future__ import annotations

from tsexplorer.plots.search import (
    hidden_trials,
    history,
    history_figure,
    importance_figure,
    slice_figure,
)
from tsexplorer.plots.style import LIGHT
from tsexplorer.studies.grid_results import CellResult, Estimate
from tsexplorer.studies.student_stages import Cell
from tsexplorer.studies.tuning.optuna_search import Importances, Trial
from tsexplorer.studies.tuning.spec import TuneSpec
from tsexplorer.studies.tuning.suggestion import (
    Suggestion,
    how_sure,
    lead_in_words,
    setting_in_words,
)

TUNE = TuneSpec(trials=6)
GOOD = Cell(4.0, 0.25, 0.01)
TRIALS = (
    Trial(0, 0, Cell(1.0, 0.5, 0.001), "done", 0.90, {2: 0.8}),
    Trial(1, 0, GOOD, "done", 0.95, {2: 0.85}),
    Trial(2, 0, Cell(8.0, 0.5, 0.01), "pruned", 0.70, {2: 0.7}),
    Trial(3, 1, Cell(2.0, 0.0, 0.01), "done", 0.94, {2: 0.86}),
    Trial(4, 1, Cell(2.0, 0.1, 0.1), "done", 0.10, {2: 0.1}),
    Trial(5, 1, Cell(2.0, 1.0, 0.01), "running", None, {}),
)


def result(mean: float, cell: Cell = GOOD, *, near: bool = True) -> CellResult:
    accuracy = Estimate(mean, mean - 0.01, mean + 0.01, 3, "t over seeds")
    return CellResult(cell, accuracy, None, None, None, None, None, near)


def suggestion(lead: float, *others: CellResult) -> Suggestion:
    ahead = Estimate(lead, lead - 0.01, lead + 0.01, 3, "t over seeds")
    near = tuple(other for other in others if other.may_be_best)
    return Suggestion(result(0.95), others, near, ahead, result(0.94).accuracy)


def test_history_has_the_best_so_far_and_the_pruned_trials() -> None:
    past = history(TUNE, TRIALS)
    assert past.finished == ((0, 90.0), (1, 95.0), (3, 94.0), (4, 10.0))
    assert past.pruned == ((2, 70.0),)
    assert past.best == ((0, 90.0), (1, 95.0), (3, 95.0), (4, 95.0), (5, 95.0))
    assert past.hover[2].endswith("70.00 %, pruned after epoch 2")
    assert hidden_trials(past) == 1
    figure = history_figure(past, LIGHT)
    assert [trace.name for trace in figure.data] == ["Best so far", "Trial", "Pruned"]
    assert list(figure.data[1].x) == [1, 2, 4, 5]


def test_slices_have_the_trials_and_the_suggested_interval() -> None:
    figure = slice_figure(TUNE, TRIALS, "temperature", suggestion(0.05), LIGHT)
    assert list(figure.data[0].x) == [1.0, 4.0, 2.0, 2.0]
    star = figure.data[-1]
    assert (list(star.x), star.error_y.array[0]) == ([4.0], 100 * (0.96 - 0.95))
    assert list(figure.layout.xaxis.ticktext) == ["1", "4", "16"]
    rates = slice_figure(TUNE, TRIALS, "learning_rate", None, LIGHT)
    assert list(rates.data[0].x) == [0.001, 0.01, 0.01, 0.1]
    assert [trace.name for trace in rates.data] == ["Trial", "Pruned"]


def test_the_most_important_parameter_is_on_top() -> None:
    shares = {"learning_rate": 0.7, "temperature": 0.2, "lambda": 0.1}
    figure = importance_figure(Importances(shares, 20), LIGHT)  # type: ignore[arg-type]
    assert list(figure.data[0].y)[-1] == "Learning rate"
    assert list(figure.data[0].text) == ["10 %", "20 %", "70 %"]


def test_sentences_on_how_certain_the_suggestion_is() -> None:
    far, near = result(0.9, near=False), result(0.949)
    assert how_sure(suggestion(0.05, near, far), TUNE).startswith("1 of the 2 other settings")
    assert how_sure(suggestion(0.05, near, near), TUNE).startswith("None of the 2 other settings")
    assert how_sure(suggestion(0.05, far), TUNE).endswith("It is ahead of the baseline.")
    assert "is not shown to be better" in how_sure(suggestion(0.005, far), TUNE)
    assert how_sure(suggestion(0.05), TUNE).startswith("It is the only setting")
    assert lead_in_words(suggestion(0.005)) == "+0.50 points (95 % interval −0.50 to +1.50)"
    among = "+0.50 points (95 % interval for the best of 3, −0.50 to +1.50)"
    assert lead_in_words(suggestion(0.005, near, far)) == among


def test_a_setting_of_the_baseline_has_no_t() -> None:
    words = setting_in_words(Cell(3.0, 1.0, 0.01), TUNE)
    assert words == "λ = 1 (the baseline, whatever T), learning rate 0.01"
