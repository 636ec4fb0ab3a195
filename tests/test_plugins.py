"""A folder of one-file entries becomes a registry."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tsexplorer.plugins import discover, unique


@dataclass(frozen=True)
class Thing:
    name: str


class Folder:
    """A package of the test's own, importable by its name."""

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
def folder(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Folder:
    monkeypatch.syspath_prepend(tmp_path)
    return Folder(tmp_path / f"plugins_of_{request.node.name}")


def test_entries_are_found_in_the_order_of_their_files(folder: Folder) -> None:
    folder.write("b_second", "THING = Thing('alpha')")
    folder.write("a_first", "THING = Thing('omega')")
    found = discover(folder.name, "THING", Thing)
    assert [(name, entry.name) for name, entry in found.items()] == [
        ("omega", "omega"),
        ("alpha", "alpha"),
    ]


def test_a_file_may_hold_several_entries_or_none(folder: Folder) -> None:
    folder.write("several", "THING = (Thing('one'), Thing('two'))")
    folder.write("helper", "OTHER = Thing('three')")
    folder.write("nothing_yet", "THING = ()")
    assert list(discover(folder.name, "THING", Thing)) == ["one", "two"]
    assert list(discover(folder.name, "OTHER", Thing)) == ["three"]


def test_an_empty_folder_is_an_empty_registry(folder: Folder) -> None:
    assert discover(folder.name, "THING", Thing) == {}


def test_a_name_used_twice_is_rejected(folder: Folder) -> None:
    folder.write("one", "THING = Thing('twin')")
    folder.write("two", "THING = (Thing('single'), Thing('twin'))")
    with pytest.raises(ValueError, match=r"^the name 'twin' is used twice$"):
        discover(folder.name, "THING", Thing)


def test_an_entry_of_another_kind_is_rejected(folder: Folder) -> None:
    folder.write("odd", "THING = 'a name without a thing'")
    with pytest.raises(TypeError, match=rf"^{folder.name}: 'a name .*' is not a Thing$"):
        discover(folder.name, "THING", Thing)


def test_a_module_that_cannot_be_imported_is_not_passed_over(folder: Folder) -> None:
    folder.write("broken", "import a_module_that_is_not_there")
    with pytest.raises(ModuleNotFoundError, match="a_module_that_is_not_there"):
        discover(folder.name, "THING", Thing)


def test_unique_keeps_order_and_entries() -> None:
    things = [Thing("b"), Thing("a")]
    assert list(unique(things).items()) == [("b", things[0]), ("a", things[1])]
    assert unique([]) == {}
    with pytest.raises(ValueError, match="'a' is used twice"):
        unique([*things, Thing("a")])
