"""``repeat``: output and invalid arguments."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Shell, document
from tsexplorer.services import Service

pytestmark = pytest.mark.usefixtures("settled", "toy_recipe")


def test_seeds_and_gap_closed_are_printed(shell: Shell, service: Service) -> None:
    arguments = ("repeat", "--max-seeds", "2", "--half-width", "0.000001", "--name", "two")
    result = shell(*arguments)
    assert result.exit_code == 0
    assert "Up to 2 seeds" in result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["seed", "teacher", "baseline", "distilled", "gap", "closed"]
    assert "is still wider than ±" in result.stdout
    printed = document(shell(*arguments, "--json"))
    assert [seed["seed"] for seed in printed["seeds"]] == [0, 1]
    assert (printed["repeat"], printed["reached"]) == ("two", False)
    results = service.studies.results("two")
    teacher = results.validation.accuracy["teacher"]
    assert printed["validation"]["teacher"]["mean"] == pytest.approx(teacher.mean, abs=1e-6)
    assert shell("delete", "two").stdout == 'The repeat "two" is deleted.\n'


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--max-seeds", "1"), "max_seeds: should be greater than or equal to 2 (given: 1)."),
        (("--half-width", "0"), "half_width: should be greater than 0 (given: 0.0)."),
    ],
)
def test_invalid_argument_gives_one_sentence(
    shell: Shell, arguments: tuple[str, ...], sentence: str
) -> None:
    result = shell("repeat", *arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", sentence + "\n")
