"""The card of a recipe: its summary, its figures, the cost of a run, and the ways to run it."""

from __future__ import annotations

import streamlit as st

from tsexplorer.analysis.formatting import duration
from tsexplorer.data.registry import get_dataset
from tsexplorer.data.subsets import describe_excluded_classes
from tsexplorer.objectives import format_loss, trained_teachers
from tsexplorer.published.comparison import varies_labels
from tsexplorer.published.recipe_cost import RecipeCost, estimate_cost
from tsexplorer.published.recipe_results import (
    RecipeResults,
    find_experiment,
    load_results,
    run_command,
)
from tsexplorer.recipes import Recipe
from tsexplorer.services import ExperimentSnapshot, Service
from tsexplorer.specs import ExperimentSpec
from tsexplorer.ui import forms
from tsexplorer.ui.app_state import show_errors
from tsexplorer.ui.recipes.figures import show_figures
from tsexplorer.ui.recipes.overview import RecipeContext
from tsexplorer.ui.router import path_of
from tsexplorer.ui.theme import escaped, start_button
from tsexplorer.ui.url_state import COMPARED, EXPERIMENT


def recipe_card(context: RecipeContext, recipe: Recipe) -> None:
    """Draw a recipe in a frame."""
    with st.container(border=True, key=f"recipe_{recipe.name}"), show_errors():
        st.subheader(recipe.title, anchor=recipe.name)
        left, right = st.columns(2, gap="large")
        with left:
            st.markdown(recipe.summary)
            settings = _settings_line(context.service, recipe.spec)
            st.caption(f"{recipe.name} · {escaped(recipe.source)}  \n{settings}")
            if recipe.rivals:
                titles = ", ".join(entry.title for entry in recipe.entries)
                if varies_labels(recipe):
                    compared = f"{len(recipe.entries)} baselines, with {titles} of the labels"
                else:
                    compared = f"{len(recipe.entries)} students beside the baseline: {titles}"
                st.caption(f"{escaped(compared)}.")
            _run_controls(context, recipe)
        with right:
            own = context.own_results[recipe.name]
            show_figures(recipe, load_results(recipe), own, context.seeds)
            if recipe.caveats:
                with st.expander("Caveats", icon=":material/info:"):
                    st.markdown("\n".join(f"- {caveat}" for caveat in recipe.caveats))


def _settings_line(service: Service, spec: ExperimentSpec) -> str:
    """Return dataset, numbers of parameters, epochs and loss in one line."""
    info = get_dataset(spec.data.name).info
    task = info.task
    teachers = [service.count(teacher.model, task).parameters for teacher in trained_teachers(spec)]
    teacher = f"{len(teachers)} teachers with" if len(teachers) > 1 else "teacher"
    student = service.count(spec.student, task).parameters
    epochs = " / ".join(
        str(train.epochs)
        for train in (spec.teacher_train, spec.baseline_train, spec.distilled_train)
    )
    images = " (the distilled student’s images)" * bool(describe_excluded_classes(spec))
    return (
        f"{info.title} · {teacher} {sum(teachers):,} parameters, student {student:,} · "
        f"epochs {epochs} · {escaped(format_loss(spec))}{images}"
    )


def _run_controls(context: RecipeContext, recipe: Recipe) -> None:
    """Draw the buttons, the cost of a run, and the command."""
    service, seeds = context.service, context.seeds
    specs = [_with_seeds(service, entry.spec, seeds) for entry in recipe.entries]
    dataset = specs[0].data.name
    cost = estimate_cost(service, specs, context.stages)
    blocked = bool(cost.nets) and not service.dataset_available(dataset)
    with st.container(horizontal=True, vertical_alignment="center"):
        if start_button(
            "Run it" if cost.nets else "Show result (already trained)",
            f"run_{recipe.name}",
            disabled=blocked,
            explanation=f"Run {recipe.name} on {seeds} seed{'s' * (seeds > 1)}",
            stretch=False,
        ):
            ids = [service.studies.start_experiment(spec).id for spec in specs]
            st.switch_page(path_of("train"), query_params={EXPERIMENT: ids[0]})
        if st.button(
            "Open in the form",
            key=f"form_{recipe.name}",
            icon=":material/tune:",
            on_click=forms.fill,
            args=(recipe.spec,),
            help=f"Copy the settings of {recipe.name} to the form on the page Train",
        ):
            st.session_state[forms.FILLED] = True
            st.switch_page(path_of("train"))
        experiment = find_experiment(context.experiments, recipe.spec)
        if experiment is not None:
            _result_button(recipe, experiment)
    st.caption(cost_sentence(cost, seeds, load_results(recipe)))
    if blocked:
        info = get_dataset(dataset).info
        st.caption(
            f":material/cloud_off: It needs {escaped(info.title)}, which is not downloaded yet."
        )
    st.code(run_command(recipe.name, seeds), language=None, wrap_lines=True)


def _with_seeds(service: Service, spec: ExperimentSpec, seeds: int) -> ExperimentSpec:
    spec = spec.model_copy(update={"seeds": tuple(range(seeds))})
    return spec.model_copy(update={"name": service.free_name(spec, spec.name)})


def _result_button(recipe: Recipe, experiment: ExperimentSnapshot) -> None:
    if recipe.spec.left_out:
        if st.button("Move the bias", key=f"never_{recipe.name}", icon=":material/visibility_off:"):
            st.switch_page(path_of("never_seen"), query_params={EXPERIMENT: experiment.id})
    elif st.button("Compare", key=f"compare_{recipe.name}", icon=":material/compare_arrows:"):
        st.switch_page(path_of("compare"), query_params={COMPARED: [experiment.id]})


def cost_sentence(cost: RecipeCost, seeds: int, shipped: RecipeResults | None = None) -> str:
    """Return what a run costs, in a sentence.

    The time is that of such nets trained here before; without one, that of the shipped figures.

    >>> cost_sentence(RecipeCost(3, 5200, None), 1)
    'Trains 3 nets, about 5,200 steps. The time is unknown: no such nets were trained here before.'
    >>> cost_sentence(RecipeCost(2, 900, 75.0, "x86_64 CPU, 2 threads"), 3)
    'Trains 2 nets on 3 seeds: about 1 min 15 s, the time of such nets on x86_64 CPU, 2 threads.'

    Args:
        cost: the nets that are not trained yet.
        seeds: number of seeds of the run.
        shipped: the recipe's shipped figures.
    """
    if not cost.nets:
        return "All its nets are trained."
    nets = f"{cost.nets} net{'s' * (cost.nets > 1)}" + (f" on {seeds} seeds" if seeds > 1 else "")
    if cost.seconds is not None:
        return (
            f"Trains {nets}: about {duration(cost.seconds)}, the time of such nets on "
            f"{cost.machine}."
        )
    if shipped is not None and shipped.total_seconds:
        time = duration(shipped.total_seconds / len(shipped.seeds) * seeds)
        return (
            f"Trains {nets}: at most {time} on the machine of the shipped figures "
            f"({shipped.machine}). No such nets were trained here before."
        )
    return (
        f"Trains {nets}, about {cost.steps:,} steps. The time is unknown: no such nets were "
        "trained here before."
    )
