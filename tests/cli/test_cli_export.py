"""export: an archive on disk, one sentence for what cannot be written."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from tests.cli.conftest import Shell

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
