"""``export``: writes an archive; errors are one sentence."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Shell, document
from tsexplorer.export.archive import Archive
from tsexplorer.services.service import Service

pytestmark = pytest.mark.usefixtures("settled")


def test_export_writes_the_student_or_the_named_net(shell: Shell, tmp_path: Path) -> None:
    printed = document(shell("export", "demo", "--into", str(tmp_path / "new"), "--json"))
    file = Path(printed["file"])
    assert file.parent == tmp_path / "new"
    assert file.stat().st_size == printed["bytes"]
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        card = json.loads(archive.read(f"{file.stem}/card.json"))
    assert card["role"] == "distilled"
    result = shell("export", "demo:teacher:0", "--into", str(tmp_path))
    assert result.exit_code == 0
    (teacher,) = tmp_path.glob("mnist-teacher-seed-0-*.zip")
    assert str(teacher) in result.stdout


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("gone", "gone"),
        ("demo:pupil", "is not the name of a stage"),
        ("demo:distilled:7", "for seed 7"),
    ],
)
def test_unknown_net_gives_one_sentence(
    shell: Shell, tmp_path: Path, name: str, sentence: str
) -> None:
    result = shell("export", name, "--into", str(tmp_path))
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not list(tmp_path.glob("*.zip"))


def test_unwritable_folder_gives_one_sentence(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = shell("export", "demo", "--into", str(tmp_path / "file"))
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


def test_name_of_an_experiment_may_contain_colons(
    shell: Shell, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported: list[Any] = []

    def archive(_: object, *net: object) -> Archive:
        exported.append(net)
        return Archive("net.zip", b"PK")

    monkeypatch.setattr("tsexplorer.services.inference.Inference.archive", archive)
    spec = service.experiment("demo").spec.model_copy(update={"name": "run: 2"})
    key = service.keep(spec).id
    for name in ("run: 2", "run: 2:teacher", "run: 2:teacher:0", key):
        assert shell("export", name, "--into", str(tmp_path)).exit_code == 0
    assert [net[0].id for net in exported] == [key] * 4
    assert [net[1:] for net in exported] == [(), ("teacher", None), ("teacher", 0), ()]
