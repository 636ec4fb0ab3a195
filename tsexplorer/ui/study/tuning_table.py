"""A tuning's trials as tables."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from tsexplorer.services.tunings import TuneFigures
from tsexplorer.studies.tuning.optuna_search import Trial

STATES = {"running": "under way", "pruned": "given up", "done": "ended"}
COLUMNS = {
    "Accuracy (%)": st.column_config.NumberColumn(format="%.2f"),
    "Learning rate": st.column_config.NumberColumn(format="%.3g"),
}


def table(figures: TuneFigures) -> pd.DataFrame:
    """A row a trial, in the order of asking; accuracy in percent, on validation."""
    return pd.DataFrame([_row(one, figures) for one in figures.trials])


def under_way(figures: TuneFigures) -> pd.DataFrame:
    """The trials of the latest round."""
    latest = max(one.round for one in figures.trials)
    return pd.DataFrame([_row(one, figures) for one in figures.trials if one.round == latest])


def _row(one: Trial, figures: TuneFigures) -> dict[str, Any]:
    accuracy, state = one.accuracy, STATES[one.state]
    way = figures.ways.get(one.number)
    if way is not None:
        accuracy = way.accuracy
        if way.epoch:
            state = f"epoch {way.epoch} of {figures.tune.spec.base.distilled_train.epochs}"
    temperature, lam, rate = one.setting
    return {
        "Trial": one.number + 1,
        "T": temperature,
        "λ": lam,
        "Learning rate": rate,
        "Accuracy (%)": None if accuracy is None else 100 * accuracy,
        "State": state,
    }
