from __future__ import annotations

from pathlib import Path

import pytest

from tsexplorer.errors import NotFoundError
from tsexplorer.models import get_preset, model_names, registry
from tsexplorer.models.registry import Preset
from tsexplorer.specs import ModelSpec, NetConfig

PRESET_FILE = """
from tsexplorer.models.registry import Preset
from tsexplorer.specs import NetConfig
PRESET = Preset({name!r}, "Title", "Summary.", "Source", NetConfig(dense=({width},)))
"""


def folder_of_presets(tmp_path: Path, package: str, names: dict[str, str]) -> None:
    folder = tmp_path / package
    folder.mkdir()
    (folder / "__init__.py").touch()
    for width, (file, name) in enumerate(names.items(), start=1):
        (folder / f"{file}.py").write_text(PRESET_FILE.format(name=name, width=width))


@pytest.fixture
def fresh_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "_registry", registry._registry.__wrapped__)
    return monkeypatch


def test_a_net_is_added_by_adding_a_file(
    tmp_path: Path, fresh_registry: pytest.MonkeyPatch
) -> None:
    folder_of_presets(tmp_path, "two_presets", {"one": "net-b", "two": "net-a"})
    fresh_registry.setattr(registry, "PRESETS", "two_presets")
    assert model_names() == ("net-a", "net-b")
    assert get_preset("net-b").net == NetConfig(dense=(1,))
    assert registry.resolve(ModelSpec(name="net-a")).body[1].output((784,)) == (2,)


def test_a_name_used_twice_is_rejected(tmp_path: Path, fresh_registry: pytest.MonkeyPatch) -> None:
    folder_of_presets(tmp_path, "twin_presets", {"one": "twin", "two": "twin"})
    fresh_registry.setattr(registry, "PRESETS", "twin_presets")
    with pytest.raises(ValueError, match="'twin' is used twice"):
        model_names()


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(NotFoundError) as caught:
        get_preset("wu-cnm")
    assert str(caught.value).startswith("There is no net called 'wu-cnm'; choose one of ")
    assert all(name in str(caught.value) for name in model_names())


@pytest.mark.parametrize("name", model_names())
def test_presets_say_what_they_are(name: str) -> None:
    preset = get_preset(name)
    assert isinstance(preset, Preset)
    assert preset.name == name
    assert preset.title
    assert preset.source
    assert preset.summary.endswith(".")
    assert "\n" not in preset.summary


def test_dropout_of_the_published_nets() -> None:
    teacher = get_preset("hinton-teacher").net
    assert isinstance(teacher, NetConfig)
    assert (teacher.input_dropout, teacher.dropout) == (0.2, 0.5)
    student = get_preset("hinton-student").net
    assert isinstance(student, NetConfig)
    assert (student.input_dropout, student.dropout) == (0, 0)
