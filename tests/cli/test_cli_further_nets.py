"""``run`` of experiments with more than three nets."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Shell, SpecFile, document
from tsexplorer.specs import ROLES

pytestmark = pytest.mark.usefixtures("settled")


def test_further_teachers_have_their_own_results(shell: Shell, spec_file: SpecFile) -> None:
    member = {"model": {"name": "custom", "net": {"dense": [8]}}, "weight": 2}
    file = spec_file("ensemble", more_teachers=[member], combine="probabilities")
    result = shell("run", "--spec", file, "--json")
    [seed] = document(result)["seeds"]
    assert seed["further"].keys() == {"teacher 2"}
    assert seed["further"]["teacher 2"].keys() == seed["stages"]["teacher"].keys()
    assert seed["further"]["teacher 2"]["test_accuracy"] > 0.1
    lines = [line.partition(",")[0] for line in result.stderr.splitlines()[1:]]
    assert lines == ["teacher", "teacher 2", "baseline", "distilled"]
    table = shell("run", "--spec", file).stdout
    assert "against the first of 2 teachers" in table
    assert "2 teachers averaged by probabilities" in " ".join(table.split())


def test_hints_have_no_accuracy(shell: Shell, spec_file: SpecFile) -> None:
    options = {"hint_epochs": 2}
    file = spec_file("hinted", objective={"name": "fitnets", "temperature": 3, "options": options})
    result = shell("run", "--spec", file, "--json")
    [seed] = document(result)["seeds"]
    assert list(seed["stages"]) == list(ROLES)
    assert seed["further"].keys() == {"hints"}
    assert seed["further"]["hints"]["epochs"] == 2
    assert set(seed["further"]["hints"]) == {"id", "parameters", "epochs", "train_seconds"}
    lines = [line.split(":") for line in result.stderr.splitlines()[1:]]
    assert [part for part, _ in lines] == [
        f"{part}, seed 0" for part in ("teacher", "baseline", "hints", "distilled")
    ]
    assert "validation" not in lines[2][1]
    table = shell("run", "--spec", file).stdout
    [row] = [line for line in table.splitlines() if "distilled, hints" in line]
    assert row.split()[-2:] == ["–", "–"]


def test_generations_have_their_own_results(shell: Shell, spec_file: SpecFile) -> None:
    net = {"name": "custom", "net": {"dense": [4]}}
    objective = {"name": "born-again", "temperature": 2, "options": {"generations": 2}}
    file = spec_file("again", teacher=net, student=net, objective=objective)
    result = shell("run", "--spec", file, "--json")
    [seed] = document(result)["seeds"]
    assert seed["further"].keys() == {"generation 1"}
    lines = [line.partition(",")[0] for line in result.stderr.splitlines()[1:]]
    assert lines[-2:] == ["generation 1", "distilled"]
