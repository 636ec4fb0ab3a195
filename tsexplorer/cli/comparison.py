"""``run`` of a recipe that compares objectives: trains all its experiments and ranks them."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Any

from tsexplorer.analysis.formatting import points, with_interval
from tsexplorer.cli.output import print_json, print_message, print_table
from tsexplorer.cli.run_job import fetch_if_missing, train_in_foreground
from tsexplorer.cli.shell import open_service
from tsexplorer.cli.studies.experiment import document, machine_names, split_description
from tsexplorer.objectives import format_loss, get_objective
from tsexplorer.published.comparison import BASELINE, Comparison, compare_students, verdict_text
from tsexplorer.published.recipe_results import collect_recipe_results
from tsexplorer.recipes import Recipe, get_recipe
from tsexplorer.services import ExperimentSnapshot, Service
from tsexplorer.specs import LABELS, ROLES, ExperimentSpec


def run_comparison(name: str, seeds: int | None, *, json: bool) -> None:
    """Train a recipe and its rivals, each as a job of its own, and print the ranking.

    Args:
        name: name of a recipe with rivals.
        seeds: number of seeds, which count from 0; None: the seeds of the recipe.
        json: whether to print one JSON document instead of a table.

    Raises:
        UserError: an experiment cannot be trained.
        CommandExit: a job did not finish.
    """
    recipe = get_recipe(name)
    with open_service() as service:
        experiments = [_train(service, entry.spec, seeds) for entry in recipe.entries]
        results = collect_recipe_results(experiments, recipe)
        assert results is not None
        comparison = compare_students(recipe, results)
        if json:
            print_json(_document(service, recipe, experiments, comparison))
        elif comparison is None:  # baselines with other labels cannot be ranked together
            _print_accuracies(service, recipe, experiments)
        else:
            _print(recipe, comparison, experiments)


def _train(service: Service, spec: ExperimentSpec, seeds: int | None) -> ExperimentSnapshot:
    if seeds is not None:
        spec = spec.model_copy(update={"seeds": tuple(range(seeds))})
    spec = spec.model_copy(update={"name": service.free_name(spec, spec.name)})
    for remark in service.check(spec).remarks:
        print_message(remark)
    fetch_if_missing(service, spec.data.name)
    return train_in_foreground(service, partial(service.enqueue, spec))


def _document(
    service: Service,
    recipe: Recipe,
    experiments: list[ExperimentSnapshot],
    comparison: Comparison | None,
) -> dict[str, Any]:
    """Each experiment as ``run`` prints it, with its loss, and the comparison if there is one."""
    entries = [
        {
            "title": entry.title,
            "loss": format_loss(experiment.spec),
            **document(service, experiment),
        }
        for entry, experiment in zip(recipe.entries, experiments, strict=True)
    ]
    contest = None if comparison is None else asdict(comparison)
    return {"recipe": recipe.name, "entries": entries, "contest": contest}


def _print_accuracies(
    service: Service, recipe: Recipe, experiments: list[ExperimentSnapshot]
) -> None:
    gains = [service.gain(experiment) for experiment in experiments]
    print_table(
        ("experiment", *ROLES, "gap closed"),
        [
            (
                entry.title,
                *(with_interval(gain.accuracy[role]) for role in ROLES),
                with_interval(gain.gap, 0),
            )
            for entry, gain in zip(recipe.entries, gains, strict=True)
        ],
        numbers=(*ROLES, "gap closed"),
        notes=[
            f"{split_description(experiments[0].spec)}.",
            f"Loss: {format_loss(experiments[0].spec)}.",
            f"Trained on {machine_names(experiments)}.",
        ],
    )


def _print(recipe: Recipe, comparison: Comparison, experiments: list[ExperimentSnapshot]) -> None:
    rows = [
        (
            student.title,
            with_interval(student.accuracy),
            points(student.difference),
            verdict_text(student),
        )
        for student in comparison.places
    ]
    difference = f"less {comparison.against}"
    print_table(
        ("student", "test", difference, ""),
        rows,
        numbers=("test", difference),
        notes=[
            *comparison.notes,
            f"{split_description(experiments[0].spec)}.",
            *(
                f"Loss of {entry.title}: {format_loss(experiment.spec)}."
                for entry, experiment in zip(recipe.entries, experiments, strict=True)
            ),
            f"Loss of the {BASELINE}: {get_objective(LABELS.name).format_convention(LABELS)}.",
            f"Trained on {machine_names(experiments)}.",
        ],
    )
