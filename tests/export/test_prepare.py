"""``prepare.py`` in an archive: it needs Pillow and NumPy alone, and nets answer as in the app."""

from __future__ import annotations

import ast
import inspect
import io
import json
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.imaging.synthetic_strokes import mnist_digits
from tsexplorer.data.base import DatasetInfo
from tsexplorer.export.archive import prepare_source, usage_example
from tsexplorer.imaging import decode, extract_digits, figure_input, net_input
from tsexplorer.services import demo
from tsexplorer.services.service import Service

COLOURS: tuple[tuple[tuple[int, int, int], tuple[int, int, int]], ...] = (
    ((255, 255, 255), (0, 0, 0)),
    ((0, 0, 0), (255, 255, 255)),
    ((250, 243, 220), (100, 100, 105)),
)
"""Colours of paper and pen."""
COLOUR_DATA = DatasetInfo(
    "flowers", "Flowers", ("rose", "tulip"), 80, 10, 10, "", image_shape=(3, 24, 32), fit="pad"
)
RUN_EXAMPLE = """\
import importlib.util, json, pathlib, sys
sys.path += json.loads(sys.argv[1])
assert importlib.util.find_spec("tsexplorer") is None
example = compile(sys.argv[2], "README.md", "exec")
for picture in sorted(pathlib.Path("pictures").iterdir()):
    pathlib.Path("picture.png").write_bytes(picture.read_bytes())
    exec(example, {})
"""
"""Runs the lines of the README on each picture; each prints a class."""


@pytest.mark.parametrize("module", [figure_input, net_input])
def test_prepare_imports_pillow_and_numpy_only(module: ModuleType) -> None:
    imported: set[str] = set()
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Import):
            imported |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add((node.module or "").partition(".")[0])
    assert imported - sys.stdlib_module_names == {"PIL", "numpy"}


def test_each_kind_of_images_has_its_prepare() -> None:
    handwriting = DatasetInfo("ours", "Ours", ("a", "b"), 80, 10, 10, "", handwriting=True)
    assert prepare_source(handwriting) == inspect.getsource(figure_input)
    assert prepare_source(COLOUR_DATA) == inspect.getsource(net_input)
    assert '"picture.png"), (28, 28))' in usage_example(handwriting)
    assert '"picture.png"), (24, 32, 3), "pad")' in usage_example(COLOUR_DATA)


@pytest.mark.parametrize("dataset", [COLOUR_DATA], ids=["colour"])
def test_prepare_of_colour_images_runs_by_itself(dataset: DatasetInfo) -> None:
    """As ``prepare.py``, not as a module of this project."""
    names: dict[str, Any] = {"__name__": "prepare"}
    exec(compile(prepare_source(dataset), "prepare.py", "exec"), names)
    pixels = np.random.default_rng(0).integers(0, 256, (60, 50, 3), np.uint8)
    image = Image.fromarray(pixels)
    prepared = names["prepare"](image, (24, 32, 3), dataset.fit)
    assert (prepared == net_input.prepare(image, (24, 32, 3), dataset.fit)).all()


def pictures(count: int) -> list[bytes]:
    """MNIST digits as files: enlarged, off-centre, three colours, PNG and JPEG; one unchanged."""
    images, _ = mnist_digits()
    random = np.random.default_rng(count)
    contents = []
    for number, index in enumerate(random.choice(len(images), count, replace=False)):
        side = int(random.integers(60, 601))
        height = int(side * random.uniform(0.45, 0.85))
        digit = Image.fromarray(images[index])
        mask = Image.new("L", (side, int(side * random.uniform(0.85, 1.3))))
        corner = [int(random.integers(0, edge - height + 1)) for edge in mask.size]
        mask.paste(digit.crop((3, 3, 25, 25)).resize((height, height)), (corner[0], corner[1]))
        paper, pen = (Image.new("RGB", mask.size, colour) for colour in COLOURS[number % 3])
        picture = Image.composite(pen, paper, mask) if number else digit
        options = {"format": "JPEG", "quality": 85} if number % 2 else {"format": "PNG"}
        buffer = io.BytesIO()
        picture.save(buffer, **options)
        contents.append(buffer.getvalue())
    return contents


def unpacked_archive(service: Service, folder: Path, contents: list[bytes]) -> Path:
    """The folder of the demo student's archive, with files in a folder ``pictures``."""
    archive = service.inference.archive(service.experiment(demo.NAME))
    with zipfile.ZipFile(io.BytesIO(archive.content)) as file:
        file.extractall(folder)
    unpacked = folder / archive.name.removesuffix(".zip")
    (unpacked / "pictures").mkdir()
    for number, content in enumerate(contents):
        (unpacked / "pictures" / f"{number:03}").write_bytes(content)
    return unpacked


def readme_lines(folder: Path) -> tuple[str, str]:
    """The installation line and the Python lines of the README in an archive."""
    usage = (folder / "README.md").read_text().partition("## How to use it")[2]
    lines = [
        line.removeprefix("    ")
        for line in usage.partition("## Files")[0].splitlines()
        if line.startswith("    ") or not line
    ]
    (install,) = (line for line in lines if line.startswith("pip "))
    return install, "\n".join(line for line in lines if line != install)


def printed_answers(python: str, folder: Path, *packages: str) -> list[str]:
    """What the README's lines print in a process that has the archive and installed packages."""
    code = readme_lines(folder)[1]
    path = json.dumps([str(folder), *packages])
    process = subprocess.run(
        [python, "-I", "-S", "-c", RUN_EXAMPLE, path, code],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.split()


def app_answers(service: Service, contents: list[bytes]) -> list[str]:
    """The classes that the demo's student answers in the app."""
    found = [extract_digits(decode(content, "picture")).digits for content in contents]
    pixels = np.stack([digits[0].pixels for digits in found])
    student = service.experiment(demo.NAME).stage(0, "distilled")
    return [str(answer) for answer in service.inference.logits(student, pixels).argmax(1)]


def test_readme_example_answers_as_the_app(service: Service, tmp_path: Path) -> None:
    """In a process that has only the archive's folder and the installed packages."""
    contents = pictures(20)
    folder = unpacked_archive(service, tmp_path, contents)
    printed = printed_answers(sys.executable, folder, sysconfig.get_path("purelib"))
    assert printed == app_answers(service, contents)
    assert len(set(printed)) > 4


@pytest.mark.slow
def test_archive_works_in_a_new_environment(service: Service, tmp_path: Path) -> None:
    """The README from its first line on: needs a package index."""
    contents = pictures(200)
    folder = unpacked_archive(service, tmp_path, contents)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    install, _ = readme_lines(folder)
    assert install == "pip install onnxruntime pillow numpy"
    subprocess.run([python, "-m", *install.split()], check=True, capture_output=True)
    packages = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    assert packages.startswith(str(tmp_path))
    assert printed_answers(str(python), folder, packages) == app_answers(service, contents)
