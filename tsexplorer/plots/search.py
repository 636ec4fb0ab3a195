"""A search for settings: how it went, what mattered, and where the good ones lie."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from tsexplorer.objectives.base import format_number
from tsexplorer.plots.grid_metrics import in_words
from tsexplorer.plots.style import SCALES, Palette, dressed
from tsexplorer.studies.tuning.optuna_search import Importances, Trial
from tsexplorer.studies.tuning.spec import ParameterName, TuneSpec
from tsexplorer.studies.tuning.suggestion import TITLES, Suggestion, setting_in_words

LOGARITHMIC = ("temperature", "learning_rate")
PRUNED = "x-thin-open"


class History(NamedTuple):
    """A search in the order of asking.

    Attributes:
        ended: numbers and accuracies in percent of trials that came to their end.
        pruned: the same of those given up; accuracy where they were.
        best: the best of those that ended so far, by number, in percent.
        hover: what is said of each trial, by number.
    """

    ended: tuple[tuple[int, float], ...]
    pruned: tuple[tuple[int, float], ...]
    best: tuple[tuple[int, float], ...]
    hover: dict[int, str]


def history(tune: TuneSpec, trials: Sequence[Trial]) -> History:
    """What there is to draw of a search."""
    known = [(one, 100 * one.accuracy) for one in trials if one.accuracy is not None]
    ended = tuple((one.number, value) for one, value in known if one.state == "done")
    pruned = tuple((one.number, value) for one, value in known if one.state == "pruned")
    best: list[tuple[int, float]] = []
    for number, value in ended:
        best.append((number, max(value, best[-1][1] if best else value)))
    if best and trials:
        best.append((trials[-1].number, best[-1][1]))
    return History(ended, pruned, tuple(best), {one.number: hover(one, tune) for one in trials})


def hover(one: Trial, tune: TuneSpec) -> str:
    """What is said of a trial, as HTML of Plotly's."""
    lines = [f"Trial {one.number + 1}", setting_in_words(one.setting, tune)]
    if one.accuracy is not None:
        at = f" after epoch {max(one.judged)}, given up" if one.state == "pruned" else ""
        lines.append(f"Validation accuracy {100 * one.accuracy:.2f} %{at}")
    return "<br>".join(lines)


def history_figure(found: History, palette: Palette) -> go.Figure:
    """Accuracy by trial: those that ended, those given up, and the best so far."""
    figure = go.Figure()
    figure.add_scatter(
        x=[number + 1 for number, _ in found.best],
        y=[value for _, value in found.best],
        mode="lines",
        name="Best so far",
        line={"color": palette.distilled, "width": 2, "shape": "hv"},
        hoverinfo="skip",
    )
    _marks(figure, found.ended, found.hover, palette, pruned=False)
    _marks(figure, found.pruned, found.hover, palette, pruned=True)
    dressed(figure, palette, 340)
    figure.update_xaxes(title="Trial", zeroline=False)
    figure.update_yaxes(title="Validation accuracy (%)", zeroline=False, range=_seen(found))
    figure.update_layout(hovermode="closest")
    return figure


def importance_figure(found: Importances, palette: Palette) -> go.Figure:
    """A bar a parameter, the one that matters most at the top."""
    names = list(found.shares)[::-1]
    shares = [100 * found.shares[name] for name in names]
    figure = go.Figure()
    figure.add_bar(
        x=shares,
        y=[TITLES[name] for name in names],
        orientation="h",
        marker={"color": SCALES[palette].categories[3]},
        text=[f"{share:.0f} %" for share in shares],
        textposition="outside",
        cliponaxis=False,
        hoverinfo="skip",
        width=0.55,
    )
    dressed(figure, palette, 90 + 50 * len(names))
    figure.update_xaxes(title="Importance (%)", range=[0, 112], tickvals=[0, 25, 50, 75, 100])
    figure.update_layout(margin={"l": 8, "r": 16, "t": 16, "b": 8}, showlegend=False)
    return figure


def slice_figure(
    tune: TuneSpec,
    trials: Sequence[Trial],
    name: ParameterName,
    suggestion: Suggestion | None,
    palette: Palette,
) -> go.Figure:
    """Accuracy of all trials along one parameter, with the suggestion and its interval."""
    place = list(TITLES).index(name)
    found = history(tune, trials)
    at = {one.number: one.setting[place] for one in trials}
    figure = go.Figure()
    for marks, pruned in ((found.ended, False), (found.pruned, True)):
        _marks(figure, marks, found.hover, palette, pruned=pruned, at=at)
    if suggestion is not None:
        _suggested(figure, suggestion, place, tune, palette)
    dressed(figure, palette, 300)
    figure.update_xaxes(title=TITLES[name], zeroline=False)
    if name in LOGARITHMIC:
        ticks = _ticks(tune.ranges[name], 4.0 if name == "temperature" else 10.0)
        words = [format_number(tick) for tick in ticks]
        low, high = (math.log10(end) for end in tune.ranges[name])
        room = 0.04 * (high - low) or 0.1
        figure.update_xaxes(
            type="log", tickvals=ticks, ticktext=words, range=[low - room, high + room]
        )
    seen = _seen(found)
    if seen and suggestion is not None and suggestion.result.accuracy.high is not None:
        seen[1] = max(seen[1], 100 * suggestion.result.accuracy.high)
    figure.update_yaxes(title="Accuracy (%)", zeroline=False, range=seen)
    figure.update_layout(hovermode="closest", showlegend=False)
    figure.update_layout(margin={"l": 8, "r": 16, "t": 16, "b": 8})
    return figure


def _suggested(
    figure: go.Figure, suggestion: Suggestion, place: int, tune: TuneSpec, palette: Palette
) -> None:
    estimate = suggestion.result.accuracy
    ends = None
    if estimate.low is not None and estimate.high is not None:
        ends = {
            "type": "data",
            "symmetric": False,
            "array": [100 * (estimate.high - estimate.mean)],
            "arrayminus": [100 * (estimate.mean - estimate.low)],
        }
    words = setting_in_words(suggestion.result.cell, tune)
    figure.add_scatter(
        x=[suggestion.result.cell[place]],
        y=[100 * estimate.mean],
        error_y=ends,
        mode="markers",
        name="Suggestion",
        marker={"color": palette.distilled, "symbol": "star", "size": 15},
        hovertext=[f"Suggestion<br>{words}<br>{in_words(estimate)}"],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _marks(
    figure: go.Figure,
    marks: Sequence[tuple[int, float]],
    hover: dict[int, str],
    palette: Palette,
    *,
    pruned: bool,
    at: dict[int, float] | None = None,
) -> None:
    if not marks:
        return
    figure.add_scatter(
        x=[number + 1 if at is None else at[number] for number, _ in marks],
        y=[value for _, value in marks],
        mode="markers",
        name="Given up" if pruned else "Trial",
        marker={
            "color": palette.muted if pruned else palette.teacher,
            "symbol": PRUNED if pruned else "circle",
            "size": 7 if pruned else 8,
            "line": {"color": palette.muted if pruned else palette.teacher, "width": 1.5},
        },
        hovertext=[hover[number] for number, _ in marks],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def below(found: History) -> int:
    """Trials that lie below what is drawn."""
    seen = _seen(found)
    if seen is None:
        return 0
    return sum(value < seen[0] for _, value in (*found.ended, *found.pruned))


def _ticks(ends: tuple[float, float], step: float) -> list[float]:
    """Powers of a number within a range; both ends where there are fewer than two.

    >>> _ticks((0.5, 32), 4), _ticks((0.02, 0.05), 10)
    ([1.0, 4.0, 16.0], [0.02, 0.05])
    """
    first = math.ceil(math.log(ends[0], step) - 1e-9)
    last = math.floor(math.log(ends[1], step) + 1e-9)
    powers = [float(f"{step**power:.6g}") for power in range(first, last + 1)]
    return powers if len(powers) > 1 else list(ends)


def _seen(found: History) -> list[float] | None:
    """Where to look: a trial that learnt nothing must not press all others into a line."""
    values = sorted(value for _, value in (*found.ended, *found.pruned))
    if len(values) < 4:
        return None
    low, high = values[len(values) // 5], values[-1]
    room = max(high - low, 0.2) * 0.15
    return [low - 3 * room, high + room]
