"""Imports of ``app.py`` and the pages, and the packages that a fresh process loads.

``lint-imports`` checks the imports between the rooms of the package, by the contracts in
``pyproject.toml``.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py"))]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
    "importlinter"
]["contracts"]
ROOMS = [
    room.strip() for line in CONTRACTS[0]["layers"] for room in line.replace(":", "|").split("|")
]
"""The rooms of the package, from the top layer down."""
SLOW_PACKAGES = (
    *("torch", "torchvision", "scipy", "sklearn", "mlxtend"),
    *("distributed", "optuna", "onnx", "onnxscript", "joblib"),
)
"""Packages that take a second or more to import and that no page needs before it is drawn."""


def imported_names(source: str) -> Iterator[str]:
    """Dotted names of all imports in a module, also those inside functions."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parent = "." * node.level + (node.module or "")
            yield from (f"{parent}.{alias.name}" for alias in node.names)


def imports_one_of(source: str, modules: set[str]) -> list[str]:
    """Imports in a module of other modules or of their contents."""
    return [
        name
        for name in imported_names(source)
        if any(name == module or name.startswith(f"{module}.") for module in modules)
    ]


def modules_forbidden_to_pages() -> set[str]:
    """Modules that a contract keeps out of ``tsexplorer.ui``, except Streamlit."""
    return {
        module
        for contract in CONTRACTS[1:]
        if "tsexplorer.ui" in contract["source_modules"]
        for module in contract["forbidden_modules"]
    } - {"streamlit"}


def loaded_packages(program: str) -> list[str]:
    """The slow packages that a fresh process has loaded after a program."""
    program += f"\nimport sys; print([name for name in {SLOW_PACKAGES} if name in sys.modules])"
    output = subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, text=True)
    packages: list[str] = ast.literal_eval(output)
    return packages


# -- pages ------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_pages_import_only_what_the_ui_may_import(page: Path) -> None:
    source = page.read_text(encoding="utf-8")
    assert imports_one_of(source, modules_forbidden_to_pages()) == []


def test_the_package_does_not_import_the_pages() -> None:
    importers = [
        path.relative_to(ROOT)
        for path in (ROOT / "tsexplorer").rglob("*.py")
        if imports_one_of(path.read_text(encoding="utf-8"), {"app", "pages"})
    ]
    assert importers == []


def test_the_module_of_the_package_imports_nothing() -> None:
    source = (ROOT / "tsexplorer" / "__init__.py").read_text(encoding="utf-8")
    assert list(imported_names(source)) == []


# -- a fresh process --------------------------------------------------------------------------


def test_router_and_service_do_not_load_slow_packages() -> None:
    assert loaded_packages("import tsexplorer.ui.router, tsexplorer.services.service") == []


def test_imports_of_pages_do_not_load_slow_packages() -> None:
    """The imports at the top of each page run before its first line is drawn."""
    imports = [
        ast.unparse(node)
        for path in (ROOT / "pages").glob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert any("streamlit" in line for line in imports)
    assert loaded_packages("\n".join(imports)) == []


# -- these checks -----------------------------------------------------------------------------


def test_contracts_are_read() -> None:
    assert {"cli", "ui", "services", "store", "plots", "training", "specs"} <= set(ROOMS)
    assert {"tsexplorer.store", "tsexplorer.jobs", "plotly"} <= modules_forbidden_to_pages()


@pytest.mark.parametrize(
    "source",
    [
        "import tsexplorer.store",
        "from tsexplorer import store",
        "def later():\n    from tsexplorer.store import Store",
        "if TYPE_CHECKING:\n    import tsexplorer.store.engine",
    ],
)
def test_forbidden_imports_are_found(source: str) -> None:
    assert len(imports_one_of(source, {"tsexplorer.store"})) == 1
    assert imports_one_of(source, {"tsexplorer.sto"}) == []


def test_slow_packages_of_a_process_are_found() -> None:
    assert "torch" in loaded_packages("import tsexplorer.training.loop")
