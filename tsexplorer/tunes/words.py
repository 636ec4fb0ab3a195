"""A setting, and how sure a suggestion is, in words: the same on the page and in a shell."""

from __future__ import annotations

from tsexplorer.objectives.base import format_number
from tsexplorer.sweeps.spec import Cell
from tsexplorer.tunes.outcome import Suggestion
from tsexplorer.tunes.spec import ParameterName, TuneSpec

TITLES: dict[ParameterName, str] = {
    "temperature": "Temperature T",
    "lambda": "Weight of the labels λ",
    "learning_rate": "Learning rate",
}


def setting_in_words(setting: Cell, tune: TuneSpec) -> str:
    """A setting's name; without T where that has no say.

    >>> setting_in_words(Cell(3.1, 0.12, 0.004), TuneSpec())
    'T = 3.1, λ = 0.12, learning rate 0.004'
    """
    rate = f"learning rate {format_number(setting.learning_rate)}"
    if setting.lam == 1 and tune.sweep.baseline_in_grid:
        return f"λ = 1 (the baseline, whatever T), {rate}"
    t, lam = format_number(setting.temperature), format_number(setting.lam)
    return f"T = {t}, λ = {lam}, {rate}"


def how_sure(suggestion: Suggestion, tune: TuneSpec) -> str:
    """How far a suggestion can be relied on, in one or two plain sentences."""
    seeds = f"{tune.seeds} seed{'s' * (tune.seeds > 1)} that the search never saw"
    others, near = len(suggestion.others), len(suggestion.near)
    if not others:
        first = f"It is the only setting that was repeated, on {seeds}."
    elif near == others:
        first = (
            f"None of the {others} other settings repeated on {seeds} can be told apart from it: "
            "the choice among them is partly luck."
            if others > 1
            else f"The other setting repeated on {seeds} cannot be told apart from it."
        )
    elif near:
        first = (
            f"{near} of the {others} other settings repeated on {seeds} cannot be told apart from "
            "it: the choice among them is partly luck."
        )
    else:
        first = f"All other settings repeated on {seeds} lie behind it."
    if suggestion.gains:
        return f"{first} It is ahead of the baseline."
    return f"{first} It is not shown to be better than the baseline."


def lead_in_words(suggestion: Suggestion) -> str:
    """How far the suggestion is ahead of the baseline, in points."""
    lead = suggestion.lead
    if lead is None or not lead.seeds:
        return "–"
    words = f"{100 * lead.mean:+.2f} points"
    if lead.low is not None and lead.high is not None:
        of = len(suggestion.others) + 1
        kind = f"95 % interval for the best of {of}," if of > 1 else "95 % interval"
        words += f" ({kind} {100 * lead.low:+.2f} to {100 * lead.high:+.2f})"
    return words.replace("-", "−")
