"""Files of a stage: its checkpoint, and its weights once it is done.

Each file is in the safetensors format: tensors by name, and JSON metadata in the header. Nothing
is unpickled. A file is written under a temporary name and renamed when it is complete, so that a
crash never leaves half a file under the final name. A checksum in the header detects damage.

This module imports torch inside functions only: the pages look for weights before torch is loaded.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import zlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from tsexplorer.assets import DEMO
from tsexplorer.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor, nn

CHECKPOINT = "checkpoint.safetensors"
"""Name of the file that a stage is resumed from: weights, optimiser state, epochs so far."""
WEIGHTS = "weights.safetensors"
"""Name of the file with the weights of a finished stage."""
DAMAGED = "{path} is damaged; delete the file and train that stage again."

Metadata = dict[str, Any]
"""JSON values stored beside the tensors."""


class DamagedFileError(UserError):
    """The content of a file differs from what was written."""


def weights_path(folder: Path, key: str) -> Path | None:
    """Find the weights of a finished stage in the home folder or among the shipped files.

    Args:
        folder: has one folder per stage.
        key: hash of the stage.

    Returns:
        Path of the file; None if there is no such file.
    """
    for path in (folder / key / WEIGHTS, DEMO / f"{key}.safetensors"):
        if path.exists():
            return path
    return None


def write(path: Path, tensors: dict[str, Tensor], metadata: Metadata) -> None:
    """Write a file; ``path`` always holds either the complete old content or the complete new one.

    Raises:
        UserError: the disk is full, or the folder is read-only or was removed.
    """
    from safetensors.torch import save

    on_cpu = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # "numbers" is the key that all released versions use.
    header = {"numbers": json.dumps(metadata), "crc32": _crc32(on_cpu)}
    content = save(on_cpu, metadata=header)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_through(temporary, content)
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):  # report the first error, not that of the cleanup
            temporary.unlink(missing_ok=True)
        raise UserError(_describe_write_error(error, path.parent)) from error


def read(path: Path) -> tuple[dict[str, Tensor], Metadata]:
    """Read the tensors and the metadata that :func:`write` stored.

    Raises:
        DamagedFileError: the file is incomplete or was changed.
        FileNotFoundError: there is no such file.
        UserError: the file's permissions forbid reading.
    """
    if not path.exists():
        raise FileNotFoundError(path)
    try:
        with safe_open(path, framework="pt") as file:
            # get_tensor returns memory mapped from the file; a copy does not change with the file.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
            header = file.metadata() or {}
        metadata = json.loads(header["numbers"])
    except PermissionError as error:
        raise UserError(f"{path} cannot be read; check its permissions.") from error
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise DamagedFileError(DAMAGED.format(path=path)) from error
    # Files of early versions have no checksum and are accepted.
    if "crc32" in header and header["crc32"] != _crc32(tensors):
        raise DamagedFileError(DAMAGED.format(path=path))
    return tensors, metadata


def select_prefix(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Select the tensors whose names start with ``prefix``, and remove it from the names."""
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def fits_net(weights: dict[str, Tensor], net: nn.Module) -> bool:
    """Whether ``weights`` have the names and shapes of the net's state."""
    shapes = {name: tensor.shape for name, tensor in weights.items()}
    return shapes == {name: tensor.shape for name, tensor in net.state_dict().items()}


def remove_partial_files(folder: Path) -> None:
    """Remove temporary files of processes that were killed while writing."""
    with suppress(OSError):
        for name in (CHECKPOINT, WEIGHTS):
            for path in folder.glob(f".{name}.*"):
                path.unlink(missing_ok=True)


def rename_damaged(path: Path) -> None:
    """Rename a damaged file to the suffix ``.damaged``, so that someone can examine it.

    Raises:
        UserError: the folder is read-only.
    """
    try:
        path.replace(path.with_suffix(".damaged"))
    except OSError as error:
        raise UserError(_describe_write_error(error, path.parent)) from error


def _crc32(tensors: dict[str, Tensor]) -> str:
    """CRC-32 of all tensors in the order of their names; it detects damage, not tampering."""
    import torch

    checksum = 0
    for name in sorted(tensors):
        content = tensors[name].reshape(-1).view(torch.uint8).numpy()
        checksum = zlib.crc32(content.data, checksum)
    return f"{checksum:08x}"


def write_through(path: Path, content: bytes) -> None:
    """Write a file and wait until it is on the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Wait until a rename in ``folder`` is on the disk."""
    if sys.platform == "win32":  # Windows cannot open a folder
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _describe_write_error(error: OSError, folder: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"There is no space left in {folder}; free some and resume the job."
    return f"{folder} cannot be written ({error.strerror}); fix that and resume the job."
