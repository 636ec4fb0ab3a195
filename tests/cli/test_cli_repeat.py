"""``repeat`` from its arguments to what it prints."""

from __future__ import annotations

import pytest

from tests.cli.conftest import TOY, Shell, document
from tsexplorer.services import Service
from tsexplorer.specs import ExperimentSpec, parse_spec

pytestmark = pytest.mark.usefixtures("settled")


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy experiment is the base of all repeats here."""
    base = parse_spec(ExperimentSpec, {"name": "toy", **TOY})
    monkeypatch.setattr("tsexplorer.cli.study_requests.asked_for", lambda *_, **__: base)


def test_seeds_and_gap_are_printed(shell: Shell, service: Service) -> None:
    arguments = ("repeat", "--max-seeds", "2", "--half-width", "0.000001", "--name", "two")
    shown = shell(*arguments)
    assert shown.exit_code == 0
    assert "Up to 2 seeds" in shown.stderr
    lines = shown.stdout.splitlines()
    assert lines[0].split() == ["seed", "teacher", "baseline", "distilled", "gap", "closed"]
    assert "is not as narrow as asked" in shown.stdout
    found = document(shell(*arguments, "--json"))
    assert [seed["seed"] for seed in found["seeds"]] == [0, 1]
    assert (found["repeat"], found["reached"]) == ("two", False)
    results = service.studies.results("two")
    teacher = results.validation.accuracy["teacher"]
    assert found["validation"]["teacher"]["mean"] == pytest.approx(teacher.mean, abs=1e-6)
    assert shell("delete", "two").stdout == 'The repeat "two" is deleted.\n'


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--max-seeds", "1"), "max_seeds: should be greater than or equal to 2 (given: 1)."),
        (("--half-width", "0"), "half_width: should be greater than 0 (given: 0.0)."),
    ],
)
def test_bad_input_is_one_sentence(shell: Shell, arguments: tuple[str, ...], sentence: str) -> None:
    result = shell("repeat", *arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", sentence + "\n")
