"""Small pictures, folders, zip files and tables to import, and what an import of them gives."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tsexplorer.data.imported import ImportedDatasets
from tsexplorer.errors import UserError
from tsexplorer.importing.build import prepare_import
from tsexplorer.importing.open_source import open_source
from tsexplorer.importing.preparation import ImportOptions, Preparation

Files = dict[str, bytes]
"""Contents by path."""


def picture(seed: int, size: tuple[int, int] = (24, 20), mode: str = "RGB") -> Image.Image:
    """Noise, so that two pictures are equal only if their seeds are."""
    random = np.random.default_rng(seed)
    channels = {"L": (), "RGB": (3,), "RGBA": (4,)}[mode]
    return Image.fromarray(
        random.integers(0, 256, (size[1], size[0], *channels), dtype=np.uint8), mode
    )


def encoded(image: Image.Image, file_format: str = "PNG", **options: Any) -> bytes:
    """The bytes of a picture file."""
    content = io.BytesIO()
    image.save(content, file_format, **options)
    return content.getvalue()


def png(seed: int) -> bytes:
    """A picture file that differs from those of other seeds."""
    return encoded(picture(seed))


def class_folders(*names: str, count: int = 6, seed: int = 0) -> Files:
    """Pictures in one folder for each class."""
    return {
        f"{name}/{number}.png": png(seed + 1000 * label + number)
        for label, name in enumerate(names)
        for number in range(count)
    }


def below(folder: str, files: Files) -> Files:
    """The files with a folder around them."""
    return {f"{folder}/{path}": content for path, content in files.items()}


def write_folder(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files into a folder."""
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return folder


def write_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    """Write files into a zip file."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def run_import(path: Path, home: Path, **options: Any) -> Preparation:
    """Import a file or folder into a data folder; it is not kept yet."""
    source = open_source(path, path.name)
    return prepare_import(source, ImportOptions(**options), ImportedDatasets(home))


def labels_of(preparation: Preparation, part: str) -> list[int]:
    """Labels in a split."""
    splits = preparation.dataset.load(Path())
    return [int(label) for label in getattr(splits, part).labels]


def images_of(preparation: Preparation, part: str = "train") -> np.ndarray[Any, Any]:
    """Pixels of a split."""
    images: np.ndarray[Any, Any] = getattr(preparation.dataset.load(Path()), part).images.numpy()
    return images


def refusal(action: Callable[[], object]) -> str:
    """The text of the error that an action raises; it must be one sentence."""
    with pytest.raises(UserError) as caught:
        action()
    text = str(caught.value)
    outside_quotes = re.sub(r"“[^”]*”|'[^']*'", "“”", text)
    assert text.endswith("."), text
    assert "\n" not in text
    assert not re.search(r"[.!?] [A-Z“]", outside_quotes), text
    assert len(text) < 400, text
    return text


def refused_import(path: Path, home: Path, **options: Any) -> str:
    """The sentence by which an import is refused; nothing may be left in the data folder."""
    sentence = refusal(lambda: run_import(path, home, **options))
    assert leftovers(home) == []
    return sentence


def leftovers(home: Path) -> list[str]:
    """What is in the folder of the imported datasets."""
    folder = ImportedDatasets(home).folder
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []
