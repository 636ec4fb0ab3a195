"""``models``, ``datasets``, ``objectives`` and ``recipes``: tables and JSON documents."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.cli.conftest import Shell, document
from tsexplorer.data.registry import dataset_names
from tsexplorer.models import model_names
from tsexplorer.objectives import objective_names
from tsexplorer.recipes import get_recipe, recipe_names
from tsexplorer.settings import get_settings
from tsexplorer.specs import ExperimentSpec, parse_spec


def test_models_are_counted_with_ten_classes(shell: Shell) -> None:
    models = {row["name"]: row for row in document(shell("models", "--json"))}
    assert set(models) == set(model_names())
    student = models["mlp-64"]
    assert (student["parameters"], student["macs"], student["bytes"]) == (
        784 * 64 + 64 + 64 * 10 + 10,
        784 * 64 + 64 * 10,
        4 * 50_890,
    )
    assert student["classes"] == 10
    assert student["layers"] == "784-64-10, ReLU"
    assert models["wu-cnn"]["parameters"] == 61_514


def test_models_are_counted_with_the_given_number_of_classes(shell: Shell) -> None:
    models = {row["name"]: row for row in document(shell("models", "--classes", "26", "--json"))}
    assert models["korn-cnn"]["parameters"] == 3_378_970
    assert models["korn-mlp"]["parameters"] == 415_258


def test_table_of_models_states_the_number_of_classes(shell: Shell) -> None:
    lines = shell("models").stdout.splitlines()
    row = next(line for line in lines if line.startswith("wu-cnn "))
    assert row.split()[-4:] == ["61,514", "5,650,560", "246", "kB"]
    assert lines[-1].startswith("Counted with 10 classes")
    assert "Counted with 26 classes" in shell("models", "--classes", "26").stdout


def test_datasets_state_sizes_and_availability(shell: Shell) -> None:
    rows = document(shell("datasets", "--json"))
    assert [row["name"] for row in rows] == list(dataset_names())
    sets = {row["name"]: row for row in rows}
    bundled, letters = sets["mnist-5k"], sets["emnist-letters"]
    splits = ("train", "validation", "test", "classes")
    assert [bundled[name] for name in splits] == [4_000, 500, 500, 10]
    assert [letters[name] for name in splits] == [114_400, 10_400, 20_800, 26]
    assert letters["class_names"][25] == "Z"
    assert bundled["available"] is True
    assert sets["mnist"]["available"] is False


def test_dataset_that_was_copied_by_hand_is_available(shell: Shell) -> None:
    raw = get_settings().data_folder / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (raw / f"{name}-ubyte.gz").write_bytes(gzip.compress(b""))
    sets = {row["name"]: row for row in document(shell("datasets", "--json"))}
    assert sets["fashion-mnist"]["available"] is True
    table = shell("datasets").stdout
    rows = {line.split()[0]: line.rstrip() for line in table.splitlines() if line.strip()}
    assert rows["fashion-mnist"].endswith("yes")
    assert rows["emnist-letters"].endswith("no, 561.8 MB to fetch")
    assert str(get_settings().data_folder.resolve()) in table


def test_objectives_state_their_parameters_and_formula(shell: Shell) -> None:
    rows = document(shell("objectives", "--json"))
    assert [row["name"] for row in rows] == list(objective_names())
    parameters = {row["name"]: row["parameters"] for row in rows}
    assert parameters["hinton"] == parameters["additive"] == ["temperature", "lambda"]
    assert parameters["labels"] == parameters["vanilla"] == []
    hinton = rows[1]
    assert all(part in hinton["formula"] for part in (r"\lambda", "T^2", r"\mathrm{KL}"))
    assert "T²" in hinton["convention"]
    assert "1503.02531" in hinton["source"]
    table = shell("objectives").stdout
    assert "λ·CE + CE_soft(T)" in table
    options = {row["name"]: row["options"] for row in rows}
    assert options["hinton"] == []
    beta = next(option for option in options["dkd"] if option["name"] == "beta")
    assert (beta["default"], beta["low"]) == (8.0, 0.0)
    assert "beta=8" in table
    assert "baseline under hinton, dist, dkd, logit-standard" in " ".join(table.split())


def test_recipes_have_published_figures_and_a_complete_spec(shell: Shell) -> None:
    rows = document(shell("recipes", "--json"))
    assert [row["name"] for row in rows] == list(recipe_names())
    assert rows[0]["name"] == "quick"
    wu = next(row for row in rows if row["name"] == "wu-2020")
    assert wu["published"] == {"teacher": 98.28, "baseline": 92.30, "distilled": 92.70}
    assert len(wu["caveats"]) == len(get_recipe("wu-2020").caveats) > 0
    assert parse_spec(ExperimentSpec, wu["spec"]) == get_recipe("wu-2020").spec
    table = shell("recipes").stdout
    assert "98.28 % / 92.30 % / 92.70 %" in table
    assert all(caveat in table for caveat in wu["caveats"])
    assert "wu-cnn and 2 more → mlp-64" in table, "MEAL V2 has three teachers"


@pytest.mark.parametrize("command", ["models", "datasets", "objectives", "recipes"])
def test_lists_write_no_files(shell: Shell, home: Path, command: str) -> None:
    assert shell(command, "--json").exit_code == 0
    assert not home.exists()
