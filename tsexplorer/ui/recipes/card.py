"""One recipe: what it shows, its figures, and the ways to run it."""

from __future__ import annotations

import streamlit as st

from tsexplorer.analysis.formatting import duration
from tsexplorer.data.class_subsets import left_out_words
from tsexplorer.data.registry import get_dataset
from tsexplorer.objectives import loss_in_words, teachers_of
from tsexplorer.published.recipe_cost import Cost, cost
from tsexplorer.published.recipe_results import Measured, command, experiment_of, shipped
from tsexplorer.recipes import Recipe
from tsexplorer.services import ExperimentSnapshot, Service
from tsexplorer.specs import ExperimentSpec
from tsexplorer.ui import forms
from tsexplorer.ui.app_state import sentences
from tsexplorer.ui.recipes.figures import figures
from tsexplorer.ui.recipes.overview import RecipeContext
from tsexplorer.ui.router import path_of
from tsexplorer.ui.theme import escaped, go_button
from tsexplorer.ui.url_state import COMPARED, EXPERIMENT


def card(bench: RecipeContext, recipe: Recipe) -> None:
    """Draw a recipe in a frame."""
    with st.container(border=True, key=f"recipe_{recipe.name}"), sentences():
        experiment = experiment_of(bench.experiments, recipe.spec)
        st.subheader(recipe.title, anchor=recipe.name)
        left, right = st.columns(2, gap="large")
        with left:
            st.markdown(recipe.summary)
            st.caption(
                f"{recipe.name} · {escaped(recipe.source)}  \n{_nets(bench.service, recipe.spec)}"
            )
            if recipe.rivals:
                titles = ", ".join(entry.title for entry in recipe.entries)
                st.caption(
                    f"{len(recipe.entries)} students beside the baseline: {escaped(titles)}."
                )
            _run(bench, recipe, experiment)
        with right:
            figures(recipe, shipped(recipe), bench.here[recipe.name], bench.seeds)
            if recipe.caveats:
                with st.expander("What to bear in mind", icon=":material/info:"):
                    st.markdown("\n".join(f"- {caveat}" for caveat in recipe.caveats))


def _nets(service: Service, spec: ExperimentSpec) -> str:
    """Both nets with their parameters, data, epochs and loss."""
    info = get_dataset(spec.data.name).info
    classes = len(info.classes)
    teachers = [service.count(one.model, classes).parameters for one in teachers_of(spec)]
    who = f"{len(teachers)} teachers with" if len(teachers) > 1 else "teacher"
    student = service.count(spec.student, classes).parameters
    epochs = " / ".join(
        str(train.epochs)
        for train in (spec.teacher_train, spec.baseline_train, spec.distilled_train)
    )
    left_out = left_out_words(spec)
    return (
        f"{info.title} · {who} {sum(teachers):,} parameters, student {student:,} · "
        f"epochs {epochs} · {escaped(loss_in_words(spec))}"
        f"{' (the distilled student’s images)' * bool(left_out)}"
    )


def _run(bench: RecipeContext, recipe: Recipe, experiment: ExperimentSnapshot | None) -> None:
    """What a run would cost, the button, and the command."""
    service, seeds = bench.service, bench.seeds
    specs = [_on_seeds(service, entry.spec, seeds) for entry in recipe.entries]
    spec = specs[0]
    left = cost(service, specs, bench.stages)
    here = service.dataset_available(spec.data.name)
    held = bool(left.nets) and not here
    with st.container(horizontal=True, vertical_alignment="center"):
        if go_button(
            "Run it" if left.nets else "Show it: all is trained",
            f"run_{recipe.name}",
            held=held,
            explanation=f"Run {recipe.name} on {seeds} seed{'s' * (seeds > 1)}",
            stretch=False,
        ):
            keys = [service.studies.start_experiment(one).id for one in specs]
            st.switch_page(path_of("train"), query_params={EXPERIMENT: keys[0]})
        if st.button(
            "Open in the form",
            key=f"form_{recipe.name}",
            icon=":material/tune:",
            on_click=forms.fill,
            args=(recipe.spec,),
            help=f"Fill the form on the Train page with {recipe.name}",
        ):
            st.session_state[forms.FILLED] = True
            st.switch_page(path_of("train"))
        if experiment is not None:
            _open(recipe, experiment)
    st.caption(in_words(left, seeds, shipped(recipe)))
    if held:
        info = get_dataset(spec.data.name).info
        st.caption(f":material/cloud_off: It needs {escaped(info.title)}, which is not here yet.")
    st.code(command(recipe.name, seeds), language=None, wrap_lines=True)


def _on_seeds(service: Service, spec: ExperimentSpec, seeds: int) -> ExperimentSpec:
    spec = spec.model_copy(update={"seeds": tuple(range(seeds))})
    return spec.model_copy(update={"name": service.free_name(spec, spec.name)})


def _open(recipe: Recipe, experiment: ExperimentSnapshot) -> None:
    if recipe.spec.left_out:
        if st.button("Move the bias", key=f"never_{recipe.name}", icon=":material/visibility_off:"):
            st.switch_page(path_of("never_seen"), query_params={EXPERIMENT: experiment.id})
    elif st.button("Compare", key=f"compare_{recipe.name}", icon=":material/compare_arrows:"):
        st.switch_page(path_of("compare"), query_params={COMPARED: [experiment.id]})


def in_words(left: Cost, seeds: int, ships: Measured | None = None) -> str:
    """What a run costs, in a sentence.

    By what such nets took here; else by what the recipe took where its figures that ship are from.

    >>> in_words(Cost(3, 5200, None), 1)
    'Trains 3 nets, about 5,200 steps; such nets were not trained here before, so the time is open.'
    >>> in_words(Cost(2, 900, 75.0, "x86_64 CPU, 2 threads"), 3)
    'Trains 2 nets on 3 seeds: about 1 min 15 s, as such nets took on x86_64 CPU, 2 threads.'
    """
    if not left.nets:
        return "All its nets are trained."
    many = f"{left.nets} net{'s' * (left.nets > 1)}"
    on = f" on {seeds} seeds" if seeds > 1 else ""
    if left.seconds is None and ships is not None and ships.total_seconds:
        took = duration(ships.total_seconds / len(ships.seeds) * seeds)
        return (
            f"Trains {many}{on}: at most {took} on a machine like that of the figures that ship "
            f"({ships.machine}); such nets were not trained here before."
        )
    if left.seconds is None:
        return (
            f"Trains {many}{on}, about {left.steps:,} steps; such nets were not trained here "
            "before, so the time is open."
        )
    return (
        f"Trains {many}{on}: about {duration(left.seconds)}, as such nets took on {left.machine}."
    )
