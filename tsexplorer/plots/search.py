"""A search for settings, as Plotly figures: its history, importances, and slices by parameter."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from tsexplorer.objectives.base import format_number
from tsexplorer.plots.grid_metrics import estimate_in_words
from tsexplorer.plots.style import SCALES, Palette, apply_style
from tsexplorer.studies.tuning.optuna_search import Importances, Trial
from tsexplorer.studies.tuning.spec import ParameterName, TuneSpec
from tsexplorer.studies.tuning.suggestion import TITLES, Suggestion, setting_in_words

LOGARITHMIC = ("temperature", "learning_rate")
PRUNED_SYMBOL = "x-thin-open"
MIN_TRIALS_FOR_RANGE = 4
"""Trials from which the accuracy axis leaves out the worst fifth."""
SMALL_MARGIN = {"l": 8, "r": 16, "t": 16, "b": 8}


class History(NamedTuple):
    """The trials of a search in their order.

    Attributes:
        finished: numbers and accuracies in percent of finished trials.
        pruned: numbers and last accuracies in percent of pruned trials.
        best: numbers, and the best accuracy in percent of the trials finished by then.
        hover: hover text of each trial, by number, with Plotly's tags.
    """

    finished: tuple[tuple[int, float], ...]
    pruned: tuple[tuple[int, float], ...]
    best: tuple[tuple[int, float], ...]
    hover: dict[int, str]


def history(tune: TuneSpec, trials: Sequence[Trial]) -> History:
    """Collect the history of a search from its trials."""
    scored = [(trial, 100 * trial.accuracy) for trial in trials if trial.accuracy is not None]
    finished = tuple((trial.number, value) for trial, value in scored if trial.state == "done")
    pruned = tuple((trial.number, value) for trial, value in scored if trial.state == "pruned")
    best: list[tuple[int, float]] = []
    for number, value in finished:
        best.append((number, max(value, best[-1][1] if best else value)))
    if best:
        best.append((trials[-1].number, best[-1][1]))
    hover = {trial.number: trial_in_words(trial, tune) for trial in trials}
    return History(finished, pruned, tuple(best), hover)


def trial_in_words(trial: Trial, tune: TuneSpec) -> str:
    """Return the settings and the accuracy of a trial, with Plotly's tags."""
    lines = [f"Trial {trial.number + 1}", setting_in_words(trial.setting, tune)]
    if trial.accuracy is not None:
        pruned = f", pruned after epoch {max(trial.judged)}" if trial.state == "pruned" else ""
        lines.append(f"Validation accuracy {100 * trial.accuracy:.2f} %{pruned}")
    return "<br>".join(lines)


def hidden_trials(history: History) -> int:
    """Return the number of trials below the plotted range."""
    limits = _accuracy_limits(history)
    if limits is None:
        return 0
    return sum(value < limits[0] for _, value in (*history.finished, *history.pruned))


def history_figure(history: History, palette: Palette) -> go.Figure:
    """Draw accuracy by trial: finished and pruned trials, and the best so far."""
    figure = go.Figure()
    figure.add_scatter(
        x=[number + 1 for number, _ in history.best],
        y=[value for _, value in history.best],
        mode="lines",
        name="Best so far",
        line={"color": palette.distilled, "width": 2, "shape": "hv"},
        hoverinfo="skip",
    )
    _add_trials(figure, history, {number: number + 1 for number in history.hover}, palette)
    apply_style(figure, palette, 340)
    figure.update_xaxes(title="Trial", zeroline=False)
    figure.update_yaxes(
        title="Validation accuracy (%)", zeroline=False, range=_accuracy_limits(history)
    )
    figure.update_layout(hovermode="closest")
    return figure


def importance_figure(importances: Importances, palette: Palette) -> go.Figure:
    """Draw a bar for each parameter, the most important one on top."""
    names = list(importances.shares)[::-1]
    percents = [100 * importances.shares[name] for name in names]
    figure = go.Figure()
    figure.add_bar(
        x=percents,
        y=[TITLES[name] for name in names],
        orientation="h",
        marker={"color": SCALES[palette].categories[3]},
        text=[f"{percent:.0f} %" for percent in percents],
        textposition="outside",
        cliponaxis=False,
        hoverinfo="skip",
        width=0.55,
    )
    apply_style(figure, palette, 90 + 50 * len(names))
    figure.update_xaxes(title="Importance (%)", range=[0, 112], tickvals=[0, 25, 50, 75, 100])
    figure.update_layout(margin=SMALL_MARGIN, showlegend=False)
    return figure


def slice_figure(
    tune: TuneSpec,
    trials: Sequence[Trial],
    name: ParameterName,
    suggestion: Suggestion | None,
    palette: Palette,
) -> go.Figure:
    """Draw the accuracy of all trials along one parameter, with the suggestion and its interval."""
    index = list(TITLES).index(name)
    past = history(tune, trials)
    figure = go.Figure()
    _add_trials(figure, past, {trial.number: trial.setting[index] for trial in trials}, palette)
    if suggestion is not None:
        _add_suggestion(figure, suggestion, index, tune, palette)
    apply_style(figure, palette, 300)
    figure.update_xaxes(title=TITLES[name], zeroline=False)
    if name in LOGARITHMIC:
        ticks = _log_ticks(tune.ranges[name], 4.0 if name == "temperature" else 10.0)
        low, high = (math.log10(end) for end in tune.ranges[name])
        padding = 0.04 * (high - low) or 0.1
        figure.update_xaxes(
            type="log",
            tickvals=ticks,
            ticktext=[format_number(tick) for tick in ticks],
            range=[low - padding, high + padding],
        )
    limits = _accuracy_limits(past)
    if limits and suggestion is not None and suggestion.result.accuracy.high is not None:
        limits[1] = max(limits[1], 100 * suggestion.result.accuracy.high)
    figure.update_yaxes(title="Validation accuracy (%)", zeroline=False, range=limits)
    figure.update_layout(hovermode="closest", showlegend=False, margin=SMALL_MARGIN)
    return figure


def _add_trials(
    figure: go.Figure, history: History, positions: Mapping[int, float], palette: Palette
) -> None:
    """Add finished and pruned trials; ``positions`` are their x, by number."""
    for trials, name, colour, symbol, size in (
        (history.finished, "Trial", palette.teacher, "circle", 8),
        (history.pruned, "Pruned", palette.muted, PRUNED_SYMBOL, 7),
    ):
        if trials:
            figure.add_scatter(
                x=[positions[number] for number, _ in trials],
                y=[value for _, value in trials],
                mode="markers",
                name=name,
                marker={
                    "color": colour,
                    "symbol": symbol,
                    "size": size,
                    "line": {"color": colour, "width": 1.5},
                },
                hovertext=[history.hover[number] for number, _ in trials],
                hovertemplate="%{hovertext}<extra></extra>",
            )


def _add_suggestion(
    figure: go.Figure, suggestion: Suggestion, index: int, tune: TuneSpec, palette: Palette
) -> None:
    estimate = suggestion.result.accuracy
    interval = None
    if estimate.low is not None and estimate.high is not None:
        interval = {
            "type": "data",
            "symmetric": False,
            "array": [100 * (estimate.high - estimate.mean)],
            "arrayminus": [100 * (estimate.mean - estimate.low)],
        }
    setting = setting_in_words(suggestion.result.cell, tune)
    figure.add_scatter(
        x=[suggestion.result.cell[index]],
        y=[100 * estimate.mean],
        error_y=interval,
        mode="markers",
        name="Suggestion",
        marker={"color": palette.distilled, "symbol": "star", "size": 15},
        hovertext=[f"Suggestion<br>{setting}<br>{estimate_in_words(estimate)}"],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _log_ticks(ends: tuple[float, float], base: float) -> list[float]:
    """Powers of a number within a range; both ends if there are fewer than two.

    >>> _log_ticks((0.5, 32), 4), _log_ticks((0.02, 0.05), 10)
    ([1.0, 4.0, 16.0], [0.02, 0.05])
    """
    first = math.ceil(math.log(ends[0], base) - 1e-9)
    last = math.floor(math.log(ends[1], base) + 1e-9)
    powers = [float(f"{base**power:.6g}") for power in range(first, last + 1)]
    return powers if len(powers) > 1 else list(ends)


def _accuracy_limits(history: History) -> list[float] | None:
    """Ends of the accuracy axis: trials that learnt nothing would make all others one line.

    Returns:
        None for few trials: then all are in the plotted range.
    """
    values = sorted(value for _, value in (*history.finished, *history.pruned))
    if len(values) < MIN_TRIALS_FOR_RANGE:
        return None
    low, high = values[len(values) // 5], values[-1]
    padding = max(high - low, 0.2) * 0.15
    return [low - 3 * padding, high + padding]
