"""Imports run downward only, read from the sources with ``ast``.

Every import counts: those inside functions, and those for type checkers alone, since a room that
is typed by one above it is not below it. Only what a fresh process really loads is another matter:
that is tried out at the end.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

LAYERS = [
    *("app", "pages"),
    *("__main__", "cli"),
    "ui",
    "plots",
    "published",
    "services",
    "studies",
    "jobs",
    "store",
    "export",
    "students",
    "analysis",
    "training",
    "objectives",
    "models",
    "imaging",
    "data",
    "recipes",
    "planning",
    "settings",
    "specs",
    "plugins",
    "assets",
    "errors",
]
"""From the top down. A room may import from those below it, and from itself."""

ALONE_IN = {
    "streamlit": ("app", "pages", "ui"),
    "plotly": ("plots",),
    "sqlalchemy": ("store",),
    "alembic": ("store",),
    "joblib": ("training",),
    "onnx": ("export",),
    "onnxscript": ("export",),
    "distributed": ("students",),
    "dask": ("students",),
    "optuna": ("store", "studies"),
}
"""Packages that only these rooms know of."""

SLOW = (
    *("torch", "torchvision", "scipy", "sklearn", "mlxtend"),
    *("distributed", "optuna", "onnx", "onnxscript", "joblib"),
)
"""What takes a second or more to import, and no page needs before it is drawn."""

SOURCES = [ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "tsexplorer").rglob("*.py")]


def imported(source: str, package: str) -> Iterator[tuple[int, str]]:
    """Lines and dotted names of all that a module imports, relative to its package or not."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: 1 - node.level or None] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{start}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield node.lineno, str(getattr(node.args[0], "value", ""))


def room(name: str) -> str | None:
    """The room that a dotted name of ours lies in; None for the package itself and for others."""
    first, _, rest = name.partition(".")
    inner = rest.partition(".")[0]
    if first in ("app", "pages"):
        return first
    if first != "tsexplorer" or not inner or not there(inner):
        return None
    return inner


def there(name: str) -> bool:
    """Whether this is a room, and not a name that ``tsexplorer/__init__.py`` defines."""
    folder = ROOT / "tsexplorer"
    return name in LAYERS or (folder / name).is_dir() or (folder / f"{name}.py").exists()


def climbs(source: str, module: str) -> list[tuple[int, str]]:
    """Imports in a module that go upward, or to a room that has no place yet."""
    own = room(module)
    rank = LAYERS.index(own) if own in LAYERS else len(LAYERS)
    return [
        (line, name)
        for line, name in imported(source, module.rpartition(".")[0])
        if (target := room(name)) is not None
        and target != own
        and (target not in LAYERS or LAYERS.index(target) < rank)
    ]


def strangers(source: str, module: str) -> list[tuple[int, str]]:
    """Imports in a module of packages that its room knows nothing of."""
    return [
        (line, name)
        for line, name in imported(source, module.rpartition(".")[0])
        if room(module) not in ALONE_IN.get(name.partition(".")[0], (room(module),))
    ]


def dotted(path: Path) -> str:
    """A file's module name; a package's own file counts as a module of it, as imports need it."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def found_by(look: Callable[[str, str], list[tuple[int, str]]]) -> list[str]:
    """What a look at every source finds, as places to go to."""
    return [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in SOURCES
        for line, name in look(path.read_text(encoding="utf-8"), dotted(path))
    ]


def test_imports_run_downward() -> None:
    assert found_by(climbs) == []


def test_packages_stay_in_the_rooms_that_know_them() -> None:
    assert found_by(strangers) == []


def test_every_room_has_its_place() -> None:
    rooms = {room(dotted(path)) for path in SOURCES} - {"__init__"}
    assert rooms <= set(LAYERS)
    assert {"app", "pages", "ui", "services", "store", "plots", "training", "specs"} <= rooms
    assert len(set(LAYERS)) == len(LAYERS)


def test_the_package_itself_imports_nothing() -> None:
    source = (ROOT / "tsexplorer" / "__init__.py").read_text(encoding="utf-8")
    assert list(imported(source, "tsexplorer")) == []


@pytest.mark.parametrize(
    ("source", "module"),
    [
        ("from tsexplorer.ui.theme import size", "tsexplorer.services.service"),
        ("import tsexplorer.services.service", "tsexplorer.jobs.worker"),
        ("from tsexplorer import services", "tsexplorer.store.engine"),
        ("def late():\n    from tsexplorer.jobs import board", "tsexplorer.training.loop"),
        ("if TYPE_CHECKING:\n    from tsexplorer.store import Store", "tsexplorer.specs"),
        ("from ..jobs import board", "tsexplorer.store.engine"),
        ("from .. import services", "tsexplorer.store.engine"),
        ("import importlib\nimportlib.import_module('tsexplorer.ui')", "tsexplorer.models.network"),
        ("import pages.home", "tsexplorer.ui.router"),
    ],
)
def test_a_climb_is_noticed(source: str, module: str) -> None:
    found = climbs(source, module)
    assert len(found) == 1
    assert found[0][0] == len(source.splitlines())


@pytest.mark.parametrize(
    ("source", "module"),
    [
        ("from tsexplorer.store.engine import connect", "tsexplorer.jobs.worker"),
        ("from tsexplorer.store.rows import x", "tsexplorer.store.engine"),
        ("from .rows import x", "tsexplorer.store.engine"),
        ("from tsexplorer import __version__", "tsexplorer.errors"),
        ("from tsexplorer.ui.router import route", "app"),
        ("import json", "tsexplorer.errors"),
    ],
)
def test_a_step_down_is_allowed(source: str, module: str) -> None:
    assert climbs(source, module) == []


@pytest.mark.parametrize(
    ("source", "module"),
    [
        ("import streamlit as st", "tsexplorer.services.service"),
        ("import streamlit.runtime", "tsexplorer.plots.live"),
        ("from plotly.subplots import make_subplots", "pages.compare"),
        ("def late():\n    import sqlalchemy.orm", "tsexplorer.jobs.worker"),
        ("from alembic import command", "tsexplorer.services.demo"),
    ],
)
def test_a_stranger_is_noticed(source: str, module: str) -> None:
    assert len(strangers(source, module)) == 1


def loaded_after(program: str) -> list[str]:
    """Which of the slow packages a fresh process has loaded once it has run this."""
    program += f"\nimport sys; print([name for name in {SLOW} if name in sys.modules])"
    said = subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, text=True)
    found: list[str] = ast.literal_eval(said)
    return found


def test_router_and_service_come_without_torch() -> None:
    assert loaded_after("import tsexplorer.ui.router, tsexplorer.services.service") == []


def test_what_pages_import_comes_without_torch() -> None:
    """Everything at the head of a page, before its first line is drawn."""
    heads = [
        ast.unparse(node)
        for path in (ROOT / "pages").glob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert any("streamlit" in line for line in heads)
    assert loaded_after("\n".join(heads)) == []


def test_the_look_at_a_process_sees_torch() -> None:
    assert "torch" in loaded_after("import tsexplorer.training.loop")
