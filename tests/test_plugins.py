"""Registries from the modules of a package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tsexplorer.plugins import discover, unique


@dataclass(frozen=True)
class Thing:
    name: str


class Package:
    """A temporary package that can be imported."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self.write("__init__", "")

    @property
    def name(self) -> str:
        return self.path.name

    def write(self, module: str, text: str) -> None:
        heading = f"from {__name__} import Thing\n"
        (self.path / f"{module}.py").write_text(heading + text, encoding="utf-8")


@pytest.fixture
def package(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Package:
    monkeypatch.syspath_prepend(tmp_path)
    return Package(tmp_path / f"plugins_of_{request.node.name}")


def test_entries_have_the_order_of_their_modules(package: Package) -> None:
    package.write("b_second", "THING = Thing('alpha')")
    package.write("a_first", "THING = Thing('omega')")
    registry = discover(package.name, "THING", Thing)
    assert [(name, entry.name) for name, entry in registry.items()] == [
        ("omega", "omega"),
        ("alpha", "alpha"),
    ]


def test_a_module_can_define_several_entries_or_none(package: Package) -> None:
    package.write("several", "THING = (Thing('one'), Thing('two'))")
    package.write("helper", "OTHER = Thing('three')")
    package.write("empty", "THING = ()")
    assert list(discover(package.name, "THING", Thing)) == ["one", "two"]
    assert list(discover(package.name, "OTHER", Thing)) == ["three"]


def test_an_empty_package_gives_an_empty_registry(package: Package) -> None:
    assert discover(package.name, "THING", Thing) == {}


def test_two_entries_with_one_name_are_an_error(package: Package) -> None:
    package.write("one", "THING = Thing('twin')")
    package.write("two", "THING = (Thing('single'), Thing('twin'))")
    with pytest.raises(ValueError, match=r"^the name 'twin' is used twice$"):
        discover(package.name, "THING", Thing)


def test_an_entry_of_another_class_is_an_error(package: Package) -> None:
    package.write("text", "THING = 'a name without a thing'")
    with pytest.raises(TypeError, match=rf"^{package.name}: 'a name .*' is not a Thing$"):
        discover(package.name, "THING", Thing)


def test_import_errors_of_modules_are_not_suppressed(package: Package) -> None:
    package.write("broken", "import a_module_that_is_not_there")
    with pytest.raises(ModuleNotFoundError, match="a_module_that_is_not_there"):
        discover(package.name, "THING", Thing)


def test_unique_keeps_the_order_of_entries() -> None:
    things = [Thing("b"), Thing("a")]
    assert list(unique(things).items()) == [("b", things[0]), ("a", things[1])]
    assert unique([]) == {}


def test_unique_rejects_equal_names() -> None:
    with pytest.raises(ValueError, match="'a' is used twice"):
        unique([Thing("b"), Thing("a"), Thing("a")])
