"""A tuning as it stands, redrawn in place while its job runs.

One flat fragment, as in :mod:`tsexplorer.ui.live`. What Plotly draws waits until the job is over:
it would flicker; the tables are filled anew in place.
"""

from __future__ import annotations

import streamlit as st

from tsexplorer.analysis.formatting import duration, percent
from tsexplorer.data.registry import get_dataset
from tsexplorer.objectives import get_objective
from tsexplorer.plots.search import below, history, history_figure, importance_figure, slice_figure
from tsexplorer.services.service import ACTIVE, Service
from tsexplorer.services.tunings import TuneFigures
from tsexplorer.store import JobSnapshot
from tsexplorer.studies.tuning.suggestion import setting_in_words
from tsexplorer.ui.app_state import sentences
from tsexplorer.ui.figures import figure, numbers_button, picture_format
from tsexplorer.ui.live import STATUS_WORDS, job_buttons
from tsexplorer.ui.study.suggestion import suggestion_view
from tsexplorer.ui.study.tuning_table import COLUMNS, table, under_way
from tsexplorer.ui.theme import escaped, palette

EVERY_SECONDS = 1.0


def live_view(service: Service, key: str) -> None:
    """Draw a tuning; keep it in step while its job is active."""
    active = service.tuning.one(key).status in ACTIVE
    st.fragment(_draw, run_every=EVERY_SECONDS if active else None)(service, key, active)


def _draw(service: Service, key: str, was_active: bool) -> None:
    with sentences():
        figures = service.tuning.figures(key)
        active = figures.tune.status in ACTIVE
        if active != was_active:
            st.rerun()
        _job_bar(service, figures)
        suggestion_view(service, figures)
        if not figures.trials:
            st.caption("The search begins when the teacher is trained.")
        elif active:
            _under_way(figures)
        else:
            _settled(service, figures)


def _job_bar(service: Service, figures: TuneFigures) -> None:
    """Progress in words and as a bar, and the buttons that make sense now."""
    tune = figures.tune
    job = next((job for job in service.jobs() if job.id == tune.job), None)
    if job is None or tune.status == "done":
        return
    if job.status in ACTIVE:
        share, words = _progress(service, figures, job)
        st.progress(share, text=words)
    else:
        sentence = f"{STATUS_WORDS[job.status]}{': ' + job.error if job.error else ''}"
        st.warning(escaped(sentence), icon=":material/info:")
        st.caption("Trials that came to their end stay; the round under way goes on with Resume.")
    for notice in service.standing(job).notices:
        st.caption(escaped(notice))
    job_buttons(service, job)


def _progress(service: Service, figures: TuneFigures, job: JobSnapshot) -> tuple[float, str]:
    if job.status == "queued":
        ahead = sum(other.id < job.id for other in service.jobs(active_only=True))
        return 0.0, STATUS_WORDS["queued"] + (f" ({ahead} before it)" if ahead else "")
    progress = service.standing(job).progress
    words = [STATUS_WORDS[job.status], _part(figures)]
    if progress is None:
        return 0.0, " · ".join(words)
    words.append(f"epoch {max(progress.epoch, 1)} of {progress.epochs}")
    if progress.seconds_left is not None and job.status == "running":
        words.append(
            f"{duration(progress.seconds_left)} left for it"
            if figures.teachers_left
            else f"at most {duration(progress.seconds_left)} left"
        )
    return min(progress.fraction, 1.0), " · ".join(words)


def _part(figures: TuneFigures) -> str:
    """What it is at."""
    spec = figures.tune.spec
    if figures.teachers_left:
        return "teacher and baselines first" if spec.base.warm_start else "the teacher first"
    if figures.repeating:
        return f"the best settings on {spec.seeds} further seed{'s' * (spec.seeds > 1)}"
    latest = max((one.round for one in figures.trials), default=0)
    return f"round {latest + 1} of {spec.rounds}"


def _under_way(figures: TuneFigures) -> None:
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


def _settled(service: Service, figures: TuneFigures) -> None:
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
    _importances(service, figures)
    st.subheader("Where the good settings lie", anchor=False)
    suggestion = figures.outcome.suggestion
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


def _importances(service: Service, figures: TuneFigures) -> None:
    found = service.tuning.importances(figures.tune.id)
    if found is None:
        return
    st.subheader("What mattered", anchor=False)
    figure(importance_figure(found, palette()), "tune_importance")
    st.caption(
        f"From {found.trials} trials, by PED-ANOVA (Watanabe et al. 2023): how differently the "
        "best quarter of the trials is spread along a parameter from all of them. It speaks of "
        "these ranges, and of so few trials only roughly."
    )


def provenance(figures: TuneFigures) -> str:
    """Split, data, seeds, teacher and loss convention of the search's figures."""
    spec = figures.tune.spec
    info = get_dataset(spec.base.data.name).info
    seeds = ", ".join(map(str, spec.seeds_searched))
    return escaped(
        f"Validation split of {info.title} ({info.validation:,} images), "
        f"seed{'s' * (spec.search_seeds > 1)} {seeds}; all students learn from the teacher of seed "
        f"0; {get_objective(spec.base.objective.name).convention}."
    )
