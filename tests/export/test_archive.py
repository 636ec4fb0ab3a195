"""The archive of a net: complete, correct, and usable without this project."""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load

from tests.examples import TINY
from tsexplorer.errors import UserError
from tsexplorer.export.archive import Archive
from tsexplorer.services import demo
from tsexplorer.services.service import Service
from tsexplorer.store import StageSnapshot
from tsexplorer.store.snapshots import StageLink


@pytest.fixture
def student(service: Service) -> StageSnapshot:
    """The demo's distilled student."""
    return service.experiment(demo.NAME).stage(0, "distilled")


@pytest.fixture
def archive(service: Service) -> Archive:
    """The archive of the demo's distilled student."""
    return service.inference.archive(service.experiment(demo.NAME))


@pytest.fixture
def folder(archive: Archive, tmp_path: Path) -> Path:
    """The archive's folder, extracted."""
    with zipfile.ZipFile(io.BytesIO(archive.content)) as file:
        file.extractall(tmp_path / "extracted")
    (folder,) = (tmp_path / "extracted").iterdir()
    assert folder.name == archive.name.removesuffix(".zip")
    return folder


def test_the_archive_has_five_files(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "card.json",
        "net.onnx",
        "net.safetensors",
        "prepare.py",
    ]


def test_the_model_card_agrees_with_the_store(folder: Path, student: StageSnapshot) -> None:
    card: dict[str, Any] = json.loads((folder / "card.json").read_text())
    assert card["stage"] == student.hash
    assert (card["parameters"], card["multiply_accumulates"]) == (student.parameters, 50_816)
    assert card["accuracy"]["test"] == student.test_accuracy
    assert card["accuracy"]["validation"] == student.validation_accuracy
    assert (card["accuracy"]["test_images"], card["accuracy"]["seed"]) == (10_000, 0)
    assert card["output"]["classes"] == list("0123456789")
    assert card["input"]["shape"] == ["N", 28, 28]
    assert card["input"]["mean"] == pytest.approx(0.1307, abs=0.002)
    assert card["training"]["train"]["epochs"] == student.spec.train.epochs
    assert card["loss"].startswith("hinton: λ·CE + (1 − λ)·T²·KL, nats, batch mean")


def test_the_weights_are_those_of_the_net(folder: Path, student: StageSnapshot) -> None:
    tensors = load((folder / "net.safetensors").read_bytes())
    assert sum(tensor.numel() for tensor in tensors.values()) == student.parameters


def test_the_readme_states_the_test_accuracy(folder: Path, student: StageSnapshot) -> None:
    assert student.test_accuracy is not None
    accuracy = f"Test accuracy {100 * student.test_accuracy:.2f} % (10,000 images"
    assert accuracy in (folder / "README.md").read_text()


def test_the_same_archive_is_built_once(
    service: Service, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tsexplorer.export.archive.export_onnx", None)
    assert service.inference.archive(service.experiment(demo.NAME)) is archive


def test_the_file_name_has_no_part_of_the_experiments_name(archive: Archive) -> None:
    """That name may contain any characters."""
    assert re.fullmatch(r"mnist-distilled-seed-0-[0-9a-f]{8}\.zip", archive.name)


def test_the_seed_that_is_best_on_validation_is_exported(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file name has the experiment's seed; stages can have other seeds."""
    monkeypatch.setattr("tsexplorer.export.archive.export_onnx", lambda *_: b"ONNX")
    experiment = service.experiment(demo.NAME)
    stage = experiment.stage(0, "distilled")
    worse, better = (
        StageLink(
            seed,
            "distilled",
            replace(
                stage,
                validation_accuracy=accuracy,
                document=stage.document | {"seed": 30_000 + seed},
            ),
        )
        for seed, accuracy in ((4, 0.5), (5, 0.75))
    )
    document = experiment.document | {"seeds": [4, 5]}
    archive = service.inference.archive(
        replace(experiment, document=document, stages=(worse, better))
    )
    assert archive.name.startswith("mnist-distilled-seed-5-")


def test_an_untrained_net_cannot_be_exported(service: Service) -> None:
    job = service.enqueue(TINY)
    service.cancel(job.id)
    with pytest.raises(UserError, match=r"No distilled student of .* is trained yet"):
        service.inference.archive(service.experiment(job.experiment_id))
