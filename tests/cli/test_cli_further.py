"""Experiments that train more than three nets, from a shell."""

from __future__ import annotations

from collections.abc import Callable

from tests.cli.conftest import Shell, document
from tsexplorer.specs import ROLES

SpecFile = Callable[..., str]


def test_hints_are_a_part_of_the_students_training_and_have_no_accuracy(
    shell: Shell, spec_file: SpecFile
) -> None:
    file = spec_file("hinted", objective={"name": "fitnets", "temperature": 3})
    result = shell("run", "--spec", file, "--json")
    [seed] = document(result)["seeds"]
    assert list(seed["stages"]) == list(ROLES)
    assert seed["further"].keys() == {"hints"}
    assert set(seed["further"]["hints"]) == {"id", "parameters", "epochs", "train_seconds"}
    told = [line.split(":") for line in result.stderr.splitlines()[1:]]
    assert [who for who, _ in told] == [
        f"{part}, seed 0" for part in ("teacher", "baseline", "hints", "distilled")
    ]
    assert "validation" not in told[2][1]
    table = shell("run", "--spec", file).stdout
    [row] = [line for line in table.splitlines() if "distilled, hints" in line]
    assert row.split()[-2:] == ["–", "–"]
