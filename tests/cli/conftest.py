"""Commands that run in the process of the test, and a toy experiment that trains in a second."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.data.conftest import mnist, server  # noqa: F401 - fixtures
from tsexplorer import recipes
from tsexplorer.cli import app
from tsexplorer.recipes import Recipe
from tsexplorer.specs import ExperimentSpec, parse_spec

TOY: dict[str, Any] = {
    "teacher": {"name": "custom", "net": {"dense": [12]}},
    "student": {"name": "custom", "net": {"dense": [4]}},
    "objective": {"name": "hinton", "temperature": 2, "lambda": 0.25},
    "teacher_train": {"epochs": 2, "batch_size": 100, "learning_rate": 0.01},
    "baseline_train": {"epochs": 1, "batch_size": 200, "learning_rate": 0.01},
    "distilled_train": {"epochs": 1, "batch_size": 200, "learning_rate": 0.01},
}
"""Sizes: 784·12 + 12 + 12·10 + 10 = 9,550 and 784·4 + 4 + 4·10 + 10 = 3,190 parameters."""

Shell = Callable[..., Result]
SpecFile = Callable[..., str]


@pytest.fixture
def shell() -> Shell:
    """Run a command: ``shell("run", "--json")``."""

    def call(*arguments: str) -> Result:
        result = CliRunner().invoke(app, arguments, prog_name="python -m tsexplorer")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


@pytest.fixture
def spec_file(tmp_path: Path) -> SpecFile:
    """Write the toy experiment, with changes, to ``NAME.json``; returns the path."""

    def write(name: str = "toy", /, **changes: Any) -> str:
        file = tmp_path / f"{name}.json"
        file.write_text(json.dumps(TOY | changes))
        return str(file)

    return write


@pytest.fixture
def toy_recipe(monkeypatch: pytest.MonkeyPatch) -> ExperimentSpec:
    """Make the toy experiment the default recipe, which is the base of all studies."""
    spec = parse_spec(ExperimentSpec, {"name": "toy", **TOY})
    recipe = Recipe("quick", "Toy", "Toy nets.", "these tests", spec)
    monkeypatch.setattr(recipes, "load_recipes", lambda: {"quick": recipe})
    return spec


def document(result: Result) -> Any:
    """The JSON document that a command has printed; asserts that the command succeeded."""
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)
