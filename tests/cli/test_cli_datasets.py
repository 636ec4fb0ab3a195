"""The commands of own images: import, example images, rename, delete, and training on them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.cli.conftest import Shell, SpecFile, document
from tests.importing.import_examples import below, class_folders, write_zip
from tsexplorer.settings import get_settings


@pytest.fixture
def archive(tmp_path: Path) -> str:
    """A zip file with two classes of noise and an unlabelled folder."""
    files = class_folders("cat", "dog", count=20)
    files |= below("unlabelled", class_folders("x", seed=9000))
    return str(write_zip(tmp_path / "pets.zip", files))


def import_pets(shell: Shell, archive: str, *options: str) -> str:
    result = shell("import", archive, "--name", "Pets", "--size", "20x24", "--json", *options)
    return str(document(result)["name"])


def test_import_reports_classes_shape_and_splits(shell: Shell, archive: str) -> None:
    result = document(
        shell("import", archive, "--name", "Pets", "--size", "20x24", "--grey", "--json")
    )
    assert (result["title"], result["shape"]) == ("Pets", [1, 20, 24])
    assert result["classes"] == ["cat", "dog"]
    assert (result["train"], result["validation"]) == ([14, 14], [3, 3])
    assert (result["test"], result["unlabelled"]) == ([3, 3], 6)
    assert result["name"].startswith("images-")


def test_datasets_list_what_was_imported(shell: Shell, archive: str) -> None:
    name = import_pets(shell, archive)
    rows = {row["name"]: row for row in document(shell("datasets", "--json"))}
    row = rows[name]
    assert (row["title"], row["available"]) == ("Pets", True)
    assert (row["shape"], row["channels"], row["train_counts"]) == ([3, 20, 24], 3, [14, 14])
    table = shell("datasets").stdout
    assert "Pets" in table
    assert "3×20×24" in table


def test_check_keeps_nothing(shell: Shell, archive: str) -> None:
    before = sorted(get_settings().data_folder.rglob("*"))
    assert document(shell("import", archive, "--name", "x", "--check", "--json"))["name"] is None
    after = [path for path in get_settings().data_folder.rglob("*") if path.is_file()]
    assert [path for path in after if path not in before] == []


def test_run_trains_on_images_by_their_title(
    shell: Shell, archive: str, spec_file: SpecFile
) -> None:
    name = import_pets(shell, archive)
    small = {"epochs": 1, "batch_size": 8, "learning_rate": 0.01}
    stages = ("teacher_train", "baseline_train", "distilled_train")
    file = spec_file("toy", **dict.fromkeys(stages, small))
    result = shell("run", "--spec", file, "--data", "pets", "--label-share", "0.5", "--json")
    assert result.exit_code == 0, result.stderr
    stages_by_role = document(result)["seeds"][0]["stages"]
    assert stages_by_role["teacher"]["parameters"] == 3 * 20 * 24 * 12 + 12 + 12 * 2 + 2
    assert document(shell("jobs", "--json"))[0]["status"] == "done"
    assert shell("delete-data", name).exit_code == 0
    again = shell("run", "--spec", file, "--data", name)
    assert again.exit_code == 2
    assert "were deleted; import them again" in again.stderr


def test_images_are_renamed_and_deleted(shell: Shell, archive: str) -> None:
    name = import_pets(shell, archive)
    assert document(shell("rename-data", "pets", "Animals", "--json"))["title"] == "Animals"
    assert document(shell("delete-data", "Animals", "--json")) == {"deleted": "Animals"}
    assert name not in {row["name"] for row in document(shell("datasets", "--json"))}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--size", "big"), "write one or two numbers of pixels"),
        (("--size", "8"), "greater than or equal to 16"),
        (("--fit", "squeeze"), "crop"),
        (("--validation", "0.9"), "0.5"),
        (("--name", " "), "Give the images a name"),
    ],
)
def test_bad_options_are_one_sentence(
    shell: Shell, archive: str, arguments: tuple[str, ...], sentence: str
) -> None:
    result = shell("import", archive, "--name", "Pets", *arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_example_images_are_written(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tsexplorer.importing import example_images

    write = example_images.write_example_images
    monkeypatch.setattr(
        example_images, "write_example_images", lambda path: write(path, per_class=2)
    )
    file = tmp_path / "shapes.zip"
    assert document(shell("example-images", str(file), "--json"))["images"] == 20
    with zipfile.ZipFile(file) as archive:
        assert len({name.split("/")[1] for name in archive.namelist()}) == 10
