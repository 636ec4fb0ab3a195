"""The archive: whoever gets it needs nothing else, and is told nothing that is not so."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load

from tests.examples import TINY
from tsexplorer.errors import UserError
from tsexplorer.export.archive import Archive
from tsexplorer.services import demo
from tsexplorer.services.service import Service
from tsexplorer.settings import get_settings
from tsexplorer.store.snapshots import StageLink

IMAGE = 3


@pytest.fixture
def service(settled: Path) -> Iterator[Service]:
    opened = Service(get_settings())
    yield opened
    opened.close()


@pytest.fixture
def taken(service: Service) -> Archive:
    return service.reading.archive(service.experiment(demo.NAME))


def unpacked(taken: Archive, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(taken.content)) as file:
        file.extractall(folder)
    (inner,) = folder.iterdir()
    assert inner.name == taken.name.removesuffix(".zip")
    return inner


def test_all_that_is_promised_is_in_it_and_works(
    service: Service, taken: Archive, tmp_path: Path
) -> None:
    folder = unpacked(taken, tmp_path / "there")
    assert sorted(one.name for one in folder.iterdir()) == [
        "README.md",
        "card.json",
        "net.onnx",
        "net.safetensors",
    ]
    stage = service.experiment(demo.NAME).stage(0, "distilled")
    card, page = json.loads((folder / "card.json").read_text()), (folder / "README.md").read_text()
    # The card says what the store says.
    assert card["stage"] == stage.hash
    assert (card["parameters"], card["multiply_accumulates"]) == (stage.parameters, 50_816)
    assert card["accuracy"]["test"] == stage.test_accuracy
    assert card["accuracy"]["validation"] == stage.validation_accuracy
    assert (card["accuracy"]["test_images"], card["accuracy"]["seed"]) == (10_000, 0)
    assert card["output"]["classes"] == list("0123456789")
    assert card["training"]["train"]["epochs"] == stage.spec.train.epochs
    assert card["loss"].startswith("hinton: λ·CE + (1 − λ)·T²·KL, nats, batch mean")
    assert f"{100 * stage.test_accuracy:.2f} % (10,000 images" in page
    # The weights are those of the store.
    tensors = load((folder / "net.safetensors").read_bytes())
    assert sum(one.numel() for one in tensors.values()) == stage.parameters
    # The page's code, as it stands there, in a process that cannot see this project.
    images = service.reading.images("mnist", "test").pixels_N
    Image.fromarray(images[IMAGE]).save(folder / "picture.png")
    code = "\n".join(
        line.removeprefix("    ")
        for line in page.partition("## Use it")[2].partition("What goes in")[0].splitlines()
        if line.startswith("    ") and "pip install" not in line
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    answer = int(np.argmax(service.reading.ask(stage, images[IMAGE : IMAGE + 1])[0]))
    assert done.stdout.strip() == str(answer)


def test_the_same_again_is_not_written_again(
    service: Service, taken: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tsexplorer.export.writer.onnx_of", None)
    assert service.reading.archive(service.experiment(demo.NAME)) is taken
    # Nothing of the experiment's name, which may hold anything, is in the file's.
    assert re.fullmatch(r"mnist-distilled-seed-0-[0-9a-f]{8}\.zip", taken.name)


def test_the_best_seed_on_validation_is_taken_and_named_by_the_experiments_seed(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Generations have seeds of their own, which nobody knows them by."""
    monkeypatch.setattr("tsexplorer.export.writer.onnx_of", lambda *_: b"ONNX")
    pair = service.experiment(demo.NAME)
    weak, good = (
        StageLink(
            seed,
            "distilled",
            replace(
                pair.stage(0, "distilled"),
                validation_accuracy=accuracy,
                document=pair.stage(0, "distilled").document | {"seed": 30_000 + seed},
            ),
        )
        for seed, accuracy in ((4, 0.5), (5, 0.75))
    )
    document = pair.document | {"seeds": [4, 5]}
    found = service.reading.archive(replace(pair, document=document, stages=(weak, good)))
    assert found.name.startswith("mnist-distilled-seed-5-")


def test_what_is_not_trained_cannot_be_taken(service: Service) -> None:
    job = service.enqueue(TINY)
    service.cancel(job.id)
    with pytest.raises(UserError, match=r"No distilled student of .* is trained yet"):
        service.reading.archive(service.experiment(job.experiment_id))
