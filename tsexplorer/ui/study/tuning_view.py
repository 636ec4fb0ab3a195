"""The view of a search: the suggestion, the trials, their figures and tables.

While the job runs, only what updates in place is drawn; Plotly figures would flicker.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from tsexplorer.analysis.formatting import percent
from tsexplorer.data.registry import get_dataset
from tsexplorer.objectives import get_objective
from tsexplorer.plots.search import below, history, history_figure, importance_figure, slice_figure
from tsexplorer.services import Service
from tsexplorer.studies.tuning.kind import TuningResults
from tsexplorer.studies.tuning.optuna_search import Trial
from tsexplorer.studies.tuning.suggestion import setting_in_words
from tsexplorer.ui.figures import figure, numbers_button, picture_format
from tsexplorer.ui.study.suggestion import suggestion_view
from tsexplorer.ui.theme import escaped, palette

STATES = {"running": "under way", "pruned": "given up", "done": "ended"}
COLUMNS = {
    "Accuracy (%)": st.column_config.NumberColumn(format="%.2f"),
    "Learning rate": st.column_config.NumberColumn(format="%.3g"),
}


def tuning_view(service: Service, results: TuningResults, *, active: bool) -> None:
    """Draw the suggestion, then the running round or, once training has ended, the figures."""
    suggestion_view(service, results)
    if not results.trials:
        st.caption("The search begins when the teacher is trained.")
    elif active:
        _under_way(results)
    else:
        _settled(results)


def _under_way(figures: TuningResults) -> None:
    """The best so far, and the latest round."""
    spec, best = figures.tune.spec, figures.best
    over = figures.count("done") + figures.count("pruned")
    st.markdown(
        f"**{over} of {spec.trials}** trials are over, {figures.count('pruned')} of them given up."
    )
    if best is not None:
        st.markdown(
            f"Best so far: **{setting_in_words(best.setting, spec)}**, "
            f"{percent(best.accuracy)} on validation, by the search’s own seed"
            f"{'s' * (spec.search_seeds > 1)}."
        )
    st.dataframe(under_way(figures), hide_index=True, column_config=COLUMNS, key="tune_round")
    st.caption(provenance(figures))


def _settled(figures: TuningResults) -> None:
    """How the search went, what mattered, where the good settings lie, and the numbers."""
    spec = figures.tune.spec
    st.subheader("How the search went", anchor=False)
    found = history(spec, figures.trials)
    figure(history_figure(found, palette()), "tune_history")
    hidden = below(found)
    lie = "one lies" if hidden == 1 else "ones lie"
    lower = f" {hidden} far worse {lie} below the figure." if hidden else ""
    st.caption(
        f"{figures.count('done')} trials came to their end; {figures.count('pruned')} were given "
        "up (crosses, at the accuracy they had then), since they were behind the median of those "
        f"that ended, at the same epoch.{lower} {provenance(figures)}"
    )
    _importances(figures)
    st.subheader("Where the good settings lie", anchor=False)
    suggestion = figures.repeats.suggestion
    for column, name in zip(st.columns(len(spec.open)), spec.open, strict=True):
        with column:
            drawn = slice_figure(spec, figures.trials, name, suggestion, palette())
            figure(drawn, f"tune_slice_{name}")
    star = " The star is the suggestion over its further seeds." if suggestion else ""
    st.caption(f"Each trial along each parameter that was searched; crosses were given up.{star}")
    numbers = table(figures)
    with st.expander("The trials as a table", icon=":material/table:"):
        st.dataframe(numbers, hide_index=True, column_config=COLUMNS)
        st.caption(provenance(figures))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        numbers_button(numbers, f"tuning-{figures.tune.name}")
        picture_format()


def _importances(figures: TuningResults) -> None:
    found = figures.importances
    if found is None:
        return
    st.subheader("What mattered", anchor=False)
    figure(importance_figure(found, palette()), "tune_importance")
    st.caption(
        f"From {found.trials} trials, by PED-ANOVA (Watanabe et al. 2023): how differently the "
        "best quarter of the trials is spread along a parameter from all of them. It speaks of "
        "these ranges, and of so few trials only roughly."
    )


def provenance(figures: TuningResults) -> str:
    """Split, data, seeds, teacher and loss convention of the search's figures."""
    spec = figures.tune.spec
    info = get_dataset(spec.base.data.name).info
    seeds = ", ".join(map(str, spec.search_seed_values))
    return escaped(
        f"Validation split of {info.title} ({info.validation:,} images), "
        f"seed{'s' * (spec.search_seeds > 1)} {seeds}; all students learn from the teacher of seed "
        f"0; {get_objective(spec.base.objective.name).convention}."
    )


def table(figures: TuningResults) -> pd.DataFrame:
    """A row a trial, in the order of asking; accuracy in percent, on validation."""
    return pd.DataFrame([_row(one, figures) for one in figures.trials])


def under_way(figures: TuningResults) -> pd.DataFrame:
    """The trials of the latest round."""
    latest = max(one.round for one in figures.trials)
    return pd.DataFrame([_row(one, figures) for one in figures.trials if one.round == latest])


def _row(one: Trial, figures: TuningResults) -> dict[str, Any]:
    accuracy, state = one.accuracy, STATES[one.state]
    way = figures.running.get(one.number)
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
