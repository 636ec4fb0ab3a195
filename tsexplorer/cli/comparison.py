"""A recipe that compares objectives: all its entries trained one after the other, and ranked."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Any

from tsexplorer.analysis.formatting import points, with_interval
from tsexplorer.cli.data import fetch_if_missing
from tsexplorer.cli.output import print_json, print_table, say
from tsexplorer.cli.session import opened
from tsexplorer.cli.studies.experiment import document, machine_words, split_words
from tsexplorer.cli.study_shell import train_in_foreground
from tsexplorer.objectives import get_objective, loss_in_words
from tsexplorer.published.comparison import BASELINE, Contest, contest, verdict_words
from tsexplorer.published.recipe_results import measured_recipe
from tsexplorer.recipes import Recipe, get_recipe
from tsexplorer.services import ExperimentSnapshot, Service
from tsexplorer.specs import LABELS, ExperimentSpec


def is_comparison(name: str) -> bool:
    """Whether the recipe called so has rivals.

    Raises:
        NotFoundError: there is no such recipe.
    """
    return bool(get_recipe(name).rivals)


def see_comparison_through(name: str, seeds: int | None, *, json: bool) -> None:
    """Train a recipe and its rivals, each as a job of its own, and print what they come to.

    Args:
        name: of a recipe with rivals.
        seeds: train seeds 0 to ``seeds`` - 1; None: the recipe's first.
        json: print one document rather than a table.

    Raises:
        UserError: something cannot be trained.
        Ending: a job was not done.
    """
    recipe = get_recipe(name)
    with opened() as service:
        finished = [_trained(service, entry.spec, seeds) for entry in recipe.entries]
        found = measured_recipe(finished, recipe)
        assert found is not None
        places = contest(recipe, found)
        assert places is not None
        if json:
            print_json(_document(service, recipe, finished, places))
        else:
            _print(recipe, places, finished)


def _trained(service: Service, spec: ExperimentSpec, seeds: int | None) -> ExperimentSnapshot:
    if seeds is not None:
        spec = spec.model_copy(update={"seeds": tuple(range(seeds))})
    spec = spec.model_copy(update={"name": service.free_name(spec, spec.name)})
    for remark in service.check(spec).remarks:
        say(remark)
    fetch_if_missing(service, spec.data.name)
    return train_in_foreground(service, partial(service.enqueue, spec))


def _document(
    service: Service, recipe: Recipe, finished: list[ExperimentSnapshot], places: Contest
) -> dict[str, Any]:
    """Each entry as ``run`` gives it, with its loss, and the contest."""
    entries = [
        {"title": entry.title, "loss": loss_in_words(one.spec), **document(service, one)}
        for entry, one in zip(recipe.entries, finished, strict=True)
    ]
    return {"recipe": recipe.name, "entries": entries, "contest": asdict(places)}


def _print(recipe: Recipe, places: Contest, finished: list[ExperimentSnapshot]) -> None:
    rows = [
        (one.title, with_interval(one.accuracy), points(one.difference), verdict_words(one))
        for one in places.places
    ]
    held = f"less {places.against}"
    print_table(
        ("student", "test", held, ""),
        rows,
        numbers=("test", held),
        notes=[
            *places.notes,
            f"{split_words(finished[0].spec)}.",
            *(
                f"Loss of {entry.title}: {loss_in_words(one.spec)}."
                for entry, one in zip(recipe.entries, finished, strict=True)
            ),
            f"Loss of the {BASELINE}: {get_objective(LABELS.name).in_words(LABELS)}.",
            f"Trained on {machine_words(finished)}.",
        ],
    )
