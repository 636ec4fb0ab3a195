"""The documentation agrees with the code: settings, commands, datasets, nets, objectives."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.test_imports import ROOMS
from tsexplorer.cli import app
from tsexplorer.data.base import ImageTask
from tsexplorer.data.registry import dataset_names, get_dataset
from tsexplorer.models import count, model_names
from tsexplorer.objectives import get_objective, objective_names
from tsexplorer.objectives.base import format_scalar
from tsexplorer.published.maps import ready_map_names
from tsexplorer.recipes import recipe_names
from tsexplorer.settings import Settings
from tsexplorer.specs import ModelSpec

ROOT = Path(__file__).parent.parent
README, CONTRIBUTING = "README.md", "CONTRIBUTING.md"
DATA, OBJECTIVES, RESULTS = "docs/data-and-nets.md", "docs/objectives.md", "docs/results.md"
SHELL, CLUSTER = "docs/shell.md", "docs/cluster.md"
DOCUMENTS = (
    README,
    CONTRIBUTING,
    *sorted(f"docs/{file.name}" for file in (ROOT / "docs").iterdir()),
)
NAMES = {
    "dataset": (DATA, dataset_names()),
    "net": (DATA, model_names()),
    "objective": (OBJECTIVES, objective_names()),
    "recipe": (RESULTS, recipe_names()),
    "map": (RESULTS, ready_map_names()),
}
SETTINGS = {f"TSEXPLORER_{name.upper()}" for name in Settings.model_fields}
COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
CODE = re.compile(
    r"```(?s:.*?)```|`[^`\n]+`|^ {4}(?:python|tsexplorer|make|\.venv|PYTHONPATH).*$", re.MULTILINE
)
"""Fenced blocks, text in backticks, and indented lines that begin with a command."""
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
README_MAX_LINES = 180


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def code(name: str) -> str:
    """The code in a document, so that words in sentences are not mistaken for names."""
    return "\n".join(CODE.findall(read(name)))


def rows(name: str) -> dict[str, list[str]]:
    """Rows of the tables by their first cell, without backticks."""
    cells_by_name = {}
    for line in re.findall(r"^\|(.*)\|$", read(name), re.MULTILINE):
        first, *cells = (cell.strip() for cell in line.split(" | "))
        cells_by_name[first.strip("` ")] = cells
    return cells_by_name


def contains_name(text: str, name: str) -> bool:
    """Whether a text contains a name that is not part of a longer one."""
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) is not None


def make_targets() -> set[str]:
    """The make targets that ``make help`` lists."""
    return set(re.findall(r"^([a-z-]+):.*  ## ", read("Makefile"), re.MULTILINE))


def shell_examples(name: str) -> list[list[str]]:
    """The arguments of each shell command in a document."""
    lines = re.findall(r"(?:python -m )?\btsexplorer (.*)", code(name))
    return [shlex.split(line.strip("`"), comments=True) for line in lines]


def anchors(name: str) -> set[str]:
    """The anchors that GitHub generates for the headings of a document."""
    headings = re.findall(r"^#+ (.*)$", read(name), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def uncommented(requirements: str) -> list[str]:
    """Requirements without a comment of at least two words."""
    lines = [line.strip() for line in requirements.splitlines()]
    packages = [line for line in lines if line and not line.startswith(("#", "-r "))]
    return [line for line in packages if not re.search(r"\S\s+# \S+ \S+", line)]


# -- documents ----------------------------------------------------------------------------------


def test_readme_is_short() -> None:
    assert len(read(README).splitlines()) <= README_MAX_LINES


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_to_existing_files_and_headings(document: str) -> None:
    broken = []
    for link in LINK.findall(read(document)):
        path, _, anchor = link.partition("#")
        if re.match(r"\w+:", link):
            continue
        target = (ROOT / document).parent / path if path else ROOT / document
        if not target.exists() or (
            anchor and anchor not in anchors(str(target.resolve().relative_to(ROOT)))
        ):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if name.startswith("docs/")])
def test_readme_links_to_every_document(document: str) -> None:
    assert document in LINK.findall(read(README))


# -- settings -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_every_setting_is_documented(name: str) -> None:
    assert name in rows(SHELL)


def test_documented_defaults_of_settings_are_correct() -> None:
    table = rows(SHELL)
    for name, field in Settings.model_fields.items():
        if field.default is not None:
            assert table[f"TSEXPLORER_{name.upper()}"][0].strip("`") == str(field.default), name


@pytest.mark.parametrize("document", DOCUMENTS)
def test_documents_name_no_unknown_setting(document: str) -> None:
    names = set(re.findall(r"TSEXPLORER_[A-Z_]+", read(document)))
    assert {name for name in names if not name.startswith("TSEXPLORER_TEST_")} <= SETTINGS


# -- commands -----------------------------------------------------------------------------------


@pytest.mark.parametrize("target", sorted(make_targets()))
def test_every_make_target_is_documented(target: str) -> None:
    assert contains_name("".join(map(code, DOCUMENTS)), f"make {target}")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_documents_name_no_unknown_make_target(document: str) -> None:
    assert set(re.findall(r"\bmake ([a-z][a-z-]*)", code(document))) <= make_targets()


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_shell_command_is_documented(name: str) -> None:
    table = "".join(f" {first} " for first in rows(SHELL))
    assert contains_name(table, name)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_shell_examples_can_be_parsed(document: str) -> None:
    for name, *arguments in shell_examples(document):
        if name in COMMANDS:
            COMMANDS[name].make_context(name, arguments)


# -- names --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, (_, names) in NAMES.items() for name in names]
)
def test_every_registered_name_is_documented(kind: str, name: str) -> None:
    document, _ = NAMES[kind]
    assert contains_name(code(document), name), f"the {kind} {name}"


@pytest.mark.parametrize("name", dataset_names())
def test_documented_sizes_of_datasets_are_correct(name: str) -> None:
    info = get_dataset(name).info
    size = info.download_megabytes
    assert rows(DATA)[name] == [
        *(f"{images:,}" for images in (info.train, info.validation, info.test)),
        str(len(info.classes)),
        f"{size} MB" if size else "none: part of the app",
    ]


@pytest.mark.parametrize("name", model_names())
def test_documented_parameters_of_nets_are_correct(name: str) -> None:
    cell = rows(DATA)[name][-1]
    classes = re.search(r"\((\d+) classes\)", cell)
    parameters = count(
        ModelSpec(name=name), ImageTask(int(classes[1]) if classes else 10)
    ).parameters
    assert cell.split(" (")[0] == f"{parameters:,}"


@pytest.mark.parametrize("name", objective_names())
def test_documented_properties_of_objectives_are_correct(name: str) -> None:
    objective = get_objective(name)
    table = re.search(r"## Objectives\n.*?\n## Options", read(OBJECTIVES), re.DOTALL)
    assert table is not None
    row = re.search(rf"^\| `{name}` \|.*$", table[0], re.MULTILINE)
    assert row is not None
    *_, temperature, lam, source = row[0].strip("| ").split(" | ")
    assert [temperature, lam] == [
        "yes" if uses else "no" for uses in (objective.uses_temperature, objective.uses_lambda)
    ]
    for paper in re.findall(r"arXiv \d{4}\.\d{5}|arXiv \d{4}\.\d{4}", objective.source):
        assert paper in source
    if "arXiv" not in objective.source:
        assert objective.source in source


@pytest.mark.parametrize("name", objective_names())
def test_documented_options_and_defaults_are_correct(name: str) -> None:
    options = read(OBJECTIVES).split("## Options")[1]
    for option in get_objective(name).options:
        default = "middle activation" if option.layer_of else format_scalar(option.default)
        assert f"| `{name}` | `{option.name}` | {default} | " in options
    documented = re.findall(rf"^\| `{name}` \| `(\w+)`", options, re.MULTILINE)
    assert documented == [option.name for option in get_objective(name).options]


def test_objectives_equal_to_the_baseline_at_lambda_1_are_named() -> None:
    names = [name for name in objective_names() if get_objective(name).is_baseline_at_lambda_1]
    listed = f"{', '.join(f'`{name}`' for name in names[:-1])} and `{names[-1]}`"
    assert f"the baseline under {listed}." in " ".join(read(OBJECTIVES).split())


# -- contributing and requirements --------------------------------------------------------------


def test_contributing_lists_the_rooms_in_the_order_of_layers() -> None:
    """It says that imports run downward in its list."""
    rooms = re.findall(r"^        (\w+)(?:/|\.py) ", read(CONTRIBUTING), re.MULTILINE)
    rooms = [room for room in rooms if room not in ("browser", "benchmarks")]
    assert rooms == [room for room in ROOMS if room in rooms]
    assert {"cli", "ui", "services", "jobs", "store", "training", "specs", "settings"} <= set(rooms)


@pytest.mark.parametrize(
    "file", ["requirements.txt", "requirements-test.txt", "requirements-cluster.txt"]
)
def test_every_requirement_has_a_comment(file: str) -> None:
    assert uncommented(read(file)) == []


# -- these checks -------------------------------------------------------------------------------


def test_documents_and_makefile_are_parsed() -> None:
    assert {"run", "test", "check", "bench", "help"} <= make_targets()
    assert "torch" in read("requirements.txt")
    assert all(names for _, names in NAMES.values())
    assert len(shell_examples(SHELL)) > 10
    assert {README, CONTRIBUTING, DATA, OBJECTIVES, RESULTS, SHELL, CLUSTER} == set(DOCUMENTS)


def test_helpers_of_these_tests_find_mistakes() -> None:
    assert uncommented(
        "# head\n\n-r other.txt\ntorch>=2\nnumpy  # images\nrich  # its tables\n"
    ) == [
        "torch>=2",
        "numpy  # images",
    ]
    assert contains_name("`TSEXPLORER_DATA` and `wu-cnn`", "TSEXPLORER_DATA")
    assert not contains_name("`TSEXPLORER_DATABASE_URL` and `lenet-5`", "TSEXPLORER_DATA")
    assert not contains_name("make test-slow", "make test")
    assert CODE.findall("the labels, `labels`\n```\nrun quick\n```") == [
        "`labels`",
        "```\nrun quick\n```",
    ]
    assert CODE.findall("text\n\n    make run\n    a tree of files\n") == ["    make run"]
    with pytest.raises(typer.TyperException, match="No such option"):
        COMMANDS["run"].make_context("run", ["quick", "--no-such-option"])
