"""The registry of nets, and architectures from configs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tsexplorer.errors import NotFoundError
from tsexplorer.models import get_preset, model_names, registry
from tsexplorer.models.registry import Preset, derive, load_presets, resolve
from tsexplorer.specs import ModelSpec, NetConfig

PRESET_MODULE = """
from tsexplorer.models.registry import Preset
from tsexplorer.specs import NetConfig
PRESET = Preset({name!r}, "Title", "Summary.", "Source", NetConfig(dense=({width},)))
"""


def write_presets(folder: Path, names: dict[str, str]) -> None:
    """Create a package with one preset in each module, of widths 1, 2, ....

    Args:
        folder: folder of the package.
        names: name of the preset, by name of the module.
    """
    folder.mkdir()
    (folder / "__init__.py").touch()
    for width, (module, name) in enumerate(names.items(), start=1):
        (folder / f"{module}.py").write_text(PRESET_MODULE.format(name=name, width=width))


def test_a_new_module_adds_a_net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    write_presets(tmp_path / "two_presets", {"one": "net-b", "two": "net-a"})
    presets = load_presets("two_presets")
    monkeypatch.setattr(registry, "load_presets", lambda: presets)
    assert model_names() == ("net-a", "net-b")
    assert get_preset("net-b").net == NetConfig(dense=(1,))
    assert resolve(ModelSpec(name="net-a")).body[1].output((784,)) == (2,)


def test_two_nets_with_one_name_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    write_presets(tmp_path / "twin_presets", {"one": "twin", "two": "twin"})
    with pytest.raises(ValueError, match="'twin' is used twice"):
        load_presets("twin_presets")


def test_an_unknown_name_gives_the_list_of_names() -> None:
    with pytest.raises(NotFoundError) as caught:
        get_preset("wu-cnm")
    names = ", ".join(model_names())
    assert str(caught.value) == f"There is no net called 'wu-cnm'; choose one of {names}."


@pytest.mark.parametrize("name", model_names())
def test_presets_have_descriptions(name: str) -> None:
    preset = get_preset(name)
    assert isinstance(preset, Preset)
    assert preset.name == name
    assert preset.title
    assert preset.source
    assert preset.summary.endswith(".")
    assert "\n" not in preset.summary


def test_dropout_rates_are_as_published() -> None:
    teacher = get_preset("hinton-teacher").net
    assert isinstance(teacher, NetConfig)
    assert (teacher.input_dropout, teacher.dropout) == (0.2, 0.5)
    student = get_preset("hinton-student").net
    assert isinstance(student, NetConfig)
    assert (student.input_dropout, student.dropout) == (0, 0)


def test_dropout_follows_the_input_and_hidden_layers() -> None:
    body = derive(NetConfig(dense=(8, 8), dropout=0.5, input_dropout=0.2)).body
    assert [layer.label for layer in body] == [
        *("dropout", "flatten"),
        *("dense", "relu", "dropout"),
        *("dense", "relu", "dropout"),
    ]
