"""The view of a search: the suggestion, the trials, their figures and tables.

While the job runs, only elements that update in place are drawn; Plotly figures would flicker.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
import streamlit as st

from tsexplorer.analysis.formatting import percent
from tsexplorer.data.registry import get_dataset
from tsexplorer.objectives import get_objective
from tsexplorer.objectives.base import format_number
from tsexplorer.plots.grid_metrics import estimate_in_words
from tsexplorer.plots.search import (
    hidden_trials,
    history,
    history_figure,
    importance_figure,
    slice_figure,
)
from tsexplorer.services import Service
from tsexplorer.studies.tuning.kind import TuningResults
from tsexplorer.studies.tuning.optuna_search import Trial
from tsexplorer.studies.tuning.suggestion import how_sure, lead_in_words, setting_in_words
from tsexplorer.ui.app_state import show_errors
from tsexplorer.ui.figures import csv_button, figure, image_format_control
from tsexplorer.ui.study.cell import experiment_links
from tsexplorer.ui.theme import escaped, palette

EXPERIMENTS = "tune.adopted"
"""Session key of the experiments made of suggestions, by search."""
STATES = {"running": "running", "pruned": "stopped early", "done": "finished"}
COLUMN_FORMATS = {
    "Accuracy (%)": st.column_config.NumberColumn(format="%.2f"),
    "Learning rate": st.column_config.NumberColumn(format="%.3g"),
}


def tuning_view(service: Service, results: TuningResults, *, active: bool) -> None:
    """Draw the suggestion, then the running round or, once training has ended, the figures."""
    _suggestion_view(service, results)
    if not results.trials:
        st.caption("The search begins when the teacher is trained.")
    elif active:
        _running_view(results)
    else:
        _figures_view(results)


# -- the suggestion ---------------------------------------------------------------------------


def _suggestion_view(service: Service, results: TuningResults) -> None:
    """Draw the suggestion, once the best settings are repeated."""
    suggestion = results.repeats.suggestion
    if suggestion is None:
        return
    spec, result = results.tune.spec, suggestion.result
    seeds = ", ".join(map(str, spec.repeat_seed_values))
    with st.container(border=True, key="suggestion"):
        st.subheader("The suggestion", anchor=False)
        st.markdown(
            f"**{setting_in_words(result.cell, spec)}**: "
            f"**{estimate_in_words(result.accuracy)}** on validation; test accuracy "
            f"**{estimate_in_words(suggestion.test)}**, read once, after the choice."
        )
        st.markdown(how_sure(suggestion, spec))
        st.markdown(_suggestion_text(results))
        _other_settings(results)
        st.caption(
            f"Seeds {seeds}, which the search did not use; accuracies are on validation unless "
            "they name another split. Intervals are 95 %; only that of the lead allows for the "
            "choice among the repeated settings."
        )
        _experiment_panel(service, results)


def _suggestion_text(results: TuningResults) -> str:
    """Return baseline, lead, gap closed and teacher of the suggestion as a list."""
    spec, suggestion, sweep_map = results.tune.spec, results.repeats.suggestion, results.repeats.map
    if suggestion is None:
        return ""
    result = suggestion.result
    gap_of_means = "–" if result.gap_of_means is None else f"{100 * result.gap_of_means:.0f} %"
    rate = "" if sweep_map.baseline_rate is None else format_number(sweep_map.baseline_rate)
    rates = len(spec.baseline_rates)
    rate_text = f"at the best of {rates} learning rates, {rate}" if rates > 1 else f"at {rate}"
    lines = {
        f"Baseline (labels alone, {rate_text})": estimate_in_words(sweep_map.baseline),
        "Lead over the baseline": lead_in_words(suggestion),
        "Gap closed": f"{estimate_in_words(result.gap)}; of mean accuracies {gap_of_means}",
        "Teacher": estimate_in_words(sweep_map.teacher),
    }
    return "\n".join(f"- {title}: {value}" for title, value in lines.items())


def _other_settings(results: TuningResults) -> None:
    """Draw the accuracies of the other repeated settings."""
    suggestion, spec = results.repeats.suggestion, results.tune.spec
    if suggestion is None or not suggestion.others:
        return
    near = {result.cell for result in suggestion.near}
    with st.expander("The other repeated settings", icon=":material/format_list_bulleted:"):
        st.markdown(
            "\n".join(
                f"- {setting_in_words(result.cell, spec)}: {estimate_in_words(result.accuracy)}"
                f"{'; cannot be told apart' if result.cell in near else ''}"
                for result in suggestion.others
            )
        )


def _experiment_panel(service: Service, results: TuningResults) -> None:
    """Draw a button that makes an experiment of the suggestion; then links to the experiment."""
    experiments: dict[str, str] = st.session_state.setdefault(EXPERIMENTS, {})
    key = results.tune.id
    if key in experiments:
        with show_errors():
            experiment_links(service.experiment(experiments[key]))
        return
    if st.button("Make it an experiment", key="adopt", icon=":material/science:"):
        with show_errors():
            experiments[key] = service.studies.make_experiment(key).id
            st.rerun()
    st.caption("The experiment has seed 0, on which the setting was found.")


# -- trials -----------------------------------------------------------------------------------


def _running_view(results: TuningResults) -> None:
    """Draw the best trial so far and the latest round."""
    spec, best = results.tune.spec, results.best
    pruned = results.count("pruned")
    st.markdown(
        f"**{results.count('done') + pruned} of {spec.trials}** trials are over, {pruned} of them "
        "stopped early."
    )
    if best is not None:
        st.markdown(
            f"Best so far: **{setting_in_words(best.setting, spec)}**, {percent(best.accuracy)} on "
            f"validation, with the search’s own seed{'s' * (spec.search_seeds > 1)}."
        )
    latest = max(trial.round for trial in results.trials)
    table = _trial_table(results, [trial for trial in results.trials if trial.round == latest])
    st.dataframe(table, hide_index=True, column_config=COLUMN_FORMATS, key="tune_round")
    st.caption(_provenance(results))


def _figures_view(results: TuningResults) -> None:
    """Draw history, importances and slices of a search, and its table."""
    spec = results.tune.spec
    st.subheader("Accuracy by trial", anchor=False)
    trial_history = history(spec, results.trials)
    figure(history_figure(trial_history, palette()), "tune_history")
    hidden = hidden_trials(trial_history)
    verb = "is" if hidden == 1 else "are"
    hidden_note = f" {hidden} much lower {verb} below the plotted range." if hidden else ""
    st.caption(
        f"{results.count('done')} finished trials; {results.count('pruned')} stopped early "
        "(crosses, at their last accuracy), because they were below the median of the finished "
        f"trials at the same epoch.{hidden_note} {_provenance(results)}"
    )
    _importances(results)
    st.subheader("Where the good settings are", anchor=False)
    suggestion = results.repeats.suggestion
    for column, name in zip(st.columns(len(spec.open)), spec.open, strict=True):
        with column:
            slice_plot = slice_figure(spec, results.trials, name, suggestion, palette())
            figure(slice_plot, f"tune_slice_{name}")
    star_note = " The star is the suggestion, over the seeds of the re-check." if suggestion else ""
    st.caption(
        "Trials along each parameter of the search; crosses: trials that were stopped early."
        f"{star_note}"
    )
    table = _trial_table(results, results.trials)
    with st.expander("The trials as a table", icon=":material/table:"):
        st.dataframe(table, hide_index=True, column_config=COLUMN_FORMATS)
        st.caption(_provenance(results))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        csv_button(table, f"tuning-{results.tune.name}")
        image_format_control()


def _importances(results: TuningResults) -> None:
    importances = results.importances
    if importances is None:
        return
    st.subheader("Importance of the parameters", anchor=False)
    figure(importance_figure(importances, palette()), "tune_importance")
    st.caption(
        f"From {importances.trials} trials, by PED-ANOVA (Watanabe et al. 2023): how much the "
        "distribution of the best quarter of the trials along a parameter differs from that of all "
        "trials. It holds for these ranges, and only roughly for so few trials."
    )


def _provenance(results: TuningResults) -> str:
    """Return split, data, seeds, teacher and loss convention of the search's figures."""
    spec = results.tune.spec
    info = get_dataset(spec.base.data.name).info
    seeds = ", ".join(map(str, spec.search_seed_values))
    return escaped(
        f"Validation split of {info.title} ({info.validation:,} images), "
        f"seed{'s' * (spec.search_seeds > 1)} {seeds}; all students learn from the teacher of seed "
        f"0; {get_objective(spec.base.objective.name).convention}."
    )


def _trial_table(results: TuningResults, trials: Iterable[Trial]) -> pd.DataFrame:
    """Return a row for each trial, in the order of proposal; accuracy in percent, on validation."""
    return pd.DataFrame([_trial_row(trial, results) for trial in trials])


def _trial_row(trial: Trial, results: TuningResults) -> dict[str, Any]:
    accuracy, state = trial.accuracy, STATES[trial.state]
    progress = results.running.get(trial.number)
    if progress is not None:
        accuracy = progress.accuracy
        if progress.epoch:
            state = f"epoch {progress.epoch} of {results.tune.spec.base.distilled_train.epochs}"
    temperature, lam, rate = trial.setting
    return {
        "Trial": trial.number + 1,
        "T": temperature,
        "λ": lam,
        "Learning rate": rate,
        "Accuracy (%)": None if accuracy is None else 100 * accuracy,
        "State": state,
    }
