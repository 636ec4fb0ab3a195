"""List the available nets, datasets, objectives and recipes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from tsexplorer.analysis.formatting import NO_VALUE, format_size
from tsexplorer.cli.output import Json, print_json, print_table
from tsexplorer.cli.shell import LOOK_UP, app
from tsexplorer.settings import get_settings


@app.command(rich_help_panel=LOOK_UP)
def models(
    classes: Annotated[
        int, typer.Option("--classes", metavar="N", help="Number of outputs of the last layer.")
    ] = 10,
    json: Json = False,
) -> None:
    """List the nets with their parameters, multiply-accumulates (MACs) and bytes.

    Counts are for one image of 28×28 pixels and float32 weights. To train a net of your own,
    describe it in a spec file under the name custom.
    """
    rows = _models(classes)
    if json:
        print_json(rows)
        return
    print_table(
        ("name", "title", "layers", "parameters", "MACs", "size"),
        [
            (
                row["name"],
                row["title"],
                row["layers"],
                f"{row['parameters']:,}",
                f"{row['macs']:,}",
                format_size(row["bytes"]),
            )
            for row in rows
        ],
        numbers=("parameters", "MACs", "size"),
        notes=[f"Counted with {classes} classes, for one image; sizes in float32."],
    )


def _models(classes: int) -> list[dict[str, Any]]:
    from tsexplorer.data.base import ImageTask
    from tsexplorer.models import count, describe, get_preset, model_names
    from tsexplorer.specs import ModelSpec

    task, rows = ImageTask(classes), []
    for name in model_names():
        preset, cost = get_preset(name), count(ModelSpec(name=name), task)
        rows.append(
            {
                "name": name,
                "title": preset.title,
                "parameters": cost.parameters,
                "macs": cost.macs,
                "bytes": cost.bytes,
                "classes": classes,
                "layers": describe(ModelSpec(name=name), task),
                "summary": preset.summary,
                "source": preset.source,
            }
        )
    return rows


@app.command(rich_help_panel=LOOK_UP)
def datasets(json: Json = False) -> None:
    """List the datasets, their splits, and whether they are downloaded.

    The first run that needs a dataset downloads it. You can also put its files into the data
    folder (TSEXPLORER_DATA), in torchvision's layout. The import command adds your own images.
    """
    folder = get_settings().data_folder
    rows = _datasets()
    if json:
        print_json(rows)
        return
    print_table(
        ("name", "title", "classes", "shape", "train", "validation", "test", "here"),
        [
            (
                row["name"],
                row["title"],
                str(row["classes"]),
                "×".join(map(str, row["shape"])),
                f"{row['train']:,}",
                f"{row['validation']:,}",
                f"{row['test']:,}",
                _availability(row),
            )
            for row in rows
        ],
        numbers=("classes", "train", "validation", "test"),
        notes=[f"Data folder: {folder.resolve()}"],
    )


def _availability(row: dict[str, Any]) -> str:
    if row["available"]:
        return "yes"
    megabytes = row["download_megabytes"]
    return "no" if megabytes is None else f"no, {megabytes} MB to fetch"


def _datasets() -> list[dict[str, Any]]:
    from tsexplorer.data.registry import (
        add_data_folder,
        dataset_names,
        get_dataset,
        remove_data_folder,
    )

    folder = get_settings().data_folder
    add_data_folder(folder)
    rows = []
    for name in dataset_names():
        dataset = get_dataset(name)
        info = dataset.info
        rows.append(
            {
                "name": name,
                "title": info.title,
                "available": dataset.is_available(folder),
                "train": info.train,
                "validation": info.validation,
                "test": info.test,
                "classes": len(info.classes),
                "shape": list(info.image_shape),
                "channels": info.image_shape[0],
                "unlabelled": info.unlabelled,
                "train_counts": list(info.train_counts),
                "class_names": list(info.classes),
                "download_megabytes": info.download_megabytes,
                "source": info.source,
                "note": info.note,
            }
        )
    remove_data_folder(folder)
    return rows


@app.command(rich_help_panel=LOOK_UP)
def objectives(json: Json = False) -> None:
    """List the objectives: whether they use T and λ, their options, loss convention and source.

    Options are shown with their defaults. With --json: also a description of each option, and the
    formula in LaTeX, where z_t and z_s are the logits of teacher and student and y is the label.
    """
    rows = _objectives()
    if json:
        print_json(rows)
        return
    print_table(
        ("name", "title", "parameters", "convention", "source"),
        [
            (
                row["name"],
                row["title"],
                ", ".join([SYMBOLS[name] for name in row["parameters"]] + _defaults(row))
                or NO_VALUE,
                row["convention"],
                row["source"],
            )
            for row in rows
        ],
        notes=[
            f"λ = 1 is the baseline under {', '.join(_baselines(rows))}; --json prints the "
            "formulas in LaTeX.",
            "To set an option: run --objective NAME --option NAME=VALUE.",
        ],
    )


SYMBOLS = {"temperature": "T", "lambda": "λ"}


def _defaults(row: dict[str, Any]) -> list[str]:
    from tsexplorer.objectives.base import format_scalar

    return [f"{option['name']}={format_scalar(option['default'])}" for option in row["options"]]


def _baselines(rows: list[dict[str, Any]]) -> list[str]:
    return [row["name"] for row in rows if row["baseline_at_one"]]


def _objectives() -> list[dict[str, Any]]:
    from tsexplorer.objectives import get_objective, objective_names

    rows = []
    for objective in map(get_objective, objective_names()):
        uses = {"temperature": objective.uses_temperature, "lambda": objective.uses_lambda}
        rows.append(
            {
                "name": objective.name,
                "title": objective.title,
                "summary": objective.summary,
                "parameters": [name for name, is_used in uses.items() if is_used],
                "options": [
                    {
                        "name": option.name,
                        "title": option.title,
                        "default": option.default,
                        "low": option.low,
                        "high": option.high,
                        "choices": list(option.choices),
                        "layer_of": option.layer_of,
                        "help": option.help,
                    }
                    for option in objective.options
                ],
                "needs_teacher": objective.needs_teacher,
                "baseline_at_one": objective.is_baseline_at_lambda_1,
                "formula": objective.formula,
                "convention": objective.convention,
                "source": objective.source,
            }
        )
    return rows


@app.command(rich_help_panel=LOOK_UP)
def recipes(json: Json = False) -> None:
    """List the experiments that are ready to run, with their published figures.

    Published figures are test accuracies in percent. With --json each recipe has its complete
    spec, which you can save in a file, change, and train with run --spec. If the source reports
    them, there are also the numbers of errors and the results with shifted biases.
    """
    rows = _recipes()
    if json:
        print_json(rows)
        return
    print_table(
        ("name", "title", "data", "teacher → student", "published: teacher / baseline / distilled"),
        [_recipe_cells(row) for row in rows],
        notes=[line for row in rows for line in _recipe_notes(row)],
    )


def _recipe_cells(row: dict[str, Any]) -> tuple[str, ...]:
    published = " / ".join(f"{value:.2f} %" for value in row["published"].values())
    spec = row["spec"]
    further = len(spec["more_teachers"])
    teachers = f"{spec['teacher']['name']}{f' and {further} more' * bool(further)}"
    nets = f"{teachers} → {spec['student']['name']}"
    return row["name"], row["title"], spec["data"]["name"], nets, published or NO_VALUE


def _recipe_notes(row: dict[str, Any]) -> list[str]:
    return [f"{row['name']}: {row['source']}.", *(f"  {caveat}" for caveat in row["caveats"])]


def _recipes() -> list[dict[str, Any]]:
    from tsexplorer.recipes import get_recipe, recipe_names

    return [
        {
            "name": recipe.name,
            "title": recipe.title,
            "summary": recipe.summary,
            "source": recipe.source,
            "published": dict(recipe.published),
            "published_errors": dict(recipe.published_errors),
            "published_biased": None
            if recipe.published_biased is None
            else asdict(recipe.published_biased),
            "caveats": list(recipe.caveats),
            "spec": recipe.spec.model_dump(mode="json", by_alias=True),
            "called": recipe.own_title,
            "rivals": [
                {"title": rival.title, "spec": rival.spec.model_dump(mode="json", by_alias=True)}
                for rival in recipe.rivals
            ],
            "seeds": recipe.seeds,
        }
        for recipe in map(get_recipe, recipe_names())
    ]
