"""The documents name what there is: settings, commands, datasets, nets, objectives, recipes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.test_layers import LAYERS
from tsexplorer.data.registry import dataset_names
from tsexplorer.models import model_names
from tsexplorer.objectives import objective_names
from tsexplorer.recipes import recipe_names
from tsexplorer.settings import Settings

ROOT = Path(__file__).parent.parent
NAMES = {
    "dataset": dataset_names(),
    "net": model_names(),
    "objective": objective_names(),
    "recipe": recipe_names(),
}
SETTINGS = {f"TSEXPLORER_{name.upper()}" for name in Settings.model_fields}
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def code(name: str) -> str:
    """What a document sets as code, so that a plain word in a sentence is not taken for a name."""
    return "\n".join(CODE.findall(read(name)))


def mentions(text: str, name: str) -> bool:
    """Whether a name stands in a text whole, and not as a part of a longer one."""
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) is not None


def targets() -> set[str]:
    """The make targets that ``make help`` lists."""
    return set(re.findall(r"^([a-z-]+):.*  ## ", read("Makefile"), re.MULTILINE))


def unexplained(requirements: str) -> list[str]:
    """Requirements without a comment of at least two words that says what they are for."""
    lines = [line.strip() for line in requirements.splitlines()]
    asked = [line for line in lines if line and not line.startswith(("#", "-r "))]
    return [line for line in asked if not re.search(r"\S\s+# \S+ \S+", line)]


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_every_setting_is_in_the_readme(name: str) -> None:
    assert mentions(read("README.md"), name)


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_no_document_names_a_setting_that_is_gone(document: str) -> None:
    named = set(re.findall(r"TSEXPLORER_[A-Z_]+", read(document)))
    assert {name for name in named if not name.startswith("TSEXPLORER_TEST_")} <= SETTINGS


@pytest.mark.parametrize("target", sorted(targets()))
def test_every_command_is_in_the_readme_or_in_contributing(target: str) -> None:
    assert mentions(code("README.md") + code("CONTRIBUTING.md"), f"make {target}")


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_no_document_names_a_command_that_is_gone(document: str) -> None:
    assert set(re.findall(r"\bmake ([a-z][a-z-]*)", code(document))) <= targets()


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in NAMES.items() for name in names]
)
def test_every_name_is_in_the_readme(kind: str, name: str) -> None:
    assert mentions(code("README.md"), name), f"the {kind} {name}"


def test_contributing_lists_the_rooms_in_the_order_of_their_layers() -> None:
    """It says that imports run downward in its list, and that a test holds them to it."""
    rooms = re.findall(r"^        (\w+)(?:/|\.py) ", read("CONTRIBUTING.md"), re.MULTILINE)
    rooms = [room for room in rooms if room not in ("browser", "benchmarks")]
    assert rooms == [room for room in LAYERS if room in rooms]
    assert {"cli", "ui", "services", "jobs", "store", "training", "specs", "settings"} <= set(rooms)


@pytest.mark.parametrize(
    "file", ["requirements.txt", "requirements-test.txt", "requirements-cluster.txt"]
)
def test_every_requirement_says_what_it_is_for(file: str) -> None:
    assert unexplained(read(file)) == []


def test_the_files_that_are_read_have_what_is_looked_for() -> None:
    assert {"run", "test", "check", "bench", "help"} <= targets()
    assert "torch" in read("requirements.txt")
    assert all(NAMES.values())


def test_a_gap_is_noticed() -> None:
    assert unexplained(
        "# head\n\n-r other.txt\ntorch>=2\nnumpy  # images\nrich  # its tables\n"
    ) == [
        "torch>=2",
        "numpy  # images",
    ]
    assert mentions("`TSEXPLORER_DATA` and `wu-cnn`", "TSEXPLORER_DATA")
    assert not mentions("`TSEXPLORER_DATABASE_URL` and `lenet-5`", "TSEXPLORER_DATA")
    assert not mentions("make test-slow", "make test")
    assert CODE.findall("the labels, `labels`\n```\nrun quick\n```") == [
        "`labels`",
        "```\nrun quick\n```",
    ]
