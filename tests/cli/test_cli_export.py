"""export: an archive on disk, one sentence for what cannot be written."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Shell
from tsexplorer.export.archive import Archive
from tsexplorer.services.service import Service

pytestmark = pytest.mark.usefixtures("settled")


def test_the_student_of_an_experiment_or_the_net_that_is_named(
    shell: Shell, tmp_path: Path
) -> None:
    said = json.loads(shell("export", "demo", "--into", str(tmp_path / "new"), "--json").stdout)
    place = Path(said["file"])
    assert place.parent == tmp_path / "new"
    assert place.stat().st_size == said["bytes"]
    with zipfile.ZipFile(place) as file:
        assert file.testzip() is None
        card = json.loads(file.read(f"{place.stem}/card.json"))
    assert card["role"] == "distilled"
    result = shell("export", "demo:teacher:0", "--into", str(tmp_path))
    assert result.exit_code == 0
    (teacher,) = tmp_path.glob("mnist-teacher-seed-0-*.zip")
    assert str(teacher) in result.stdout


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("gone", "gone"), ("demo:pupil", "names no stage"), ("demo:distilled:7", "for seed 7")],
)
def test_a_net_that_is_not_there(shell: Shell, tmp_path: Path, name: str, sentence: str) -> None:
    result = shell("export", name, "--into", str(tmp_path))
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not list(tmp_path.glob("*.zip"))


def test_a_folder_that_cannot_be_written(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = shell("export", "demo", "--into", str(tmp_path / "file"))
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


def test_an_experiments_name_may_hold_colons(
    shell: Shell, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def archive(_: object, *net: object) -> Archive:
        asked.append(net)
        return Archive("net.zip", b"PK")

    monkeypatch.setattr("tsexplorer.services.inference.Reading.archive", archive)
    kept = service.experiment("demo").spec.model_copy(update={"name": "run: 2"})
    key = service.keep(kept).id
    for name in ("run: 2", "run: 2:teacher", "run: 2:teacher:0", key):
        assert shell("export", name, "--into", str(tmp_path)).exit_code == 0
    assert [one[0].id for one in asked] == [key] * 4
    assert [one[1:] for one in asked] == [(), ("teacher", None), ("teacher", 0), ()]
