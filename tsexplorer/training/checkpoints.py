"""Weights and checkpoints on disk: safetensors, whole or not there, never unpickled.

A stage's folder holds ``checkpoint.safetensors`` while it trains (weights, optimiser state and,
as JSON in the header, the numbers beside them: one file, so one rename makes it valid) and
``weights.safetensors`` once it is done.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from tsexplorer.errors import UserError
from tsexplorer.training.paths import CHECKPOINT, WEIGHTS

DAMAGED = "{path} is damaged; delete the file and train that stage again."
Numbers = dict[str, Any]


class DamagedFileError(UserError):
    """A file that is not what was once written."""


def write(path: Path, tensors: dict[str, Tensor], numbers: Numbers) -> None:
    """Write tensors and numbers so that ``path`` is at every moment the old file or the new.

    Raises:
        UserError: the folder is full, read-only or gone.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    content = save(plain, metadata={"numbers": json.dumps(numbers), "crc32": _crc32(plain)})
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_through(beside, content)
        beside.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):  # that it could not be written is what counts
            beside.unlink(missing_ok=True)
        raise UserError(_sentence(error, path.parent)) from error


def read(path: Path) -> tuple[dict[str, Tensor], Numbers]:
    """Read what :func:`write` wrote.

    Raises:
        DamagedFileError: the file is there and is not whole.
        FileNotFoundError: there is none.
        UserError: the file may not be read.
    """
    if not path.exists():
        raise FileNotFoundError(path)
    try:
        with safe_open(path, framework="pt") as file:
            # Copies: what safetensors gives is the file itself, and changes when the file does.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
            header = file.metadata() or {}
        numbers = json.loads(header["numbers"])
    except PermissionError as error:
        raise UserError(f"{path} may not be read; check its permissions.") from error
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise DamagedFileError(DAMAGED.format(path=path)) from error
    # Files that were written before there was a sum are taken as they are.
    if header.get("crc32", expected := _crc32(tensors)) != expected:
        raise DamagedFileError(DAMAGED.format(path=path))
    return tensors, numbers


def flatten_optimiser(state: dict[str, Any]) -> tuple[dict[str, Tensor], Numbers]:
    """Split an optimiser's state_dict into tensors by name and JSON numbers."""
    tensors: dict[str, Tensor] = {}
    numbers: dict[str, Any] = {}
    for index, entries in state["state"].items():
        for key, value in entries.items():
            name = f"optimiser.{index}.{key}"
            if isinstance(value, Tensor):
                tensors[name] = value
            else:
                numbers[name] = value
    return tensors, {"state": numbers, "groups": state["param_groups"]}


def unflatten_optimiser(tensors: dict[str, Tensor], numbers: Numbers) -> dict[str, Any]:
    """The inverse of :func:`flatten_optimiser`; tensors of other names are ignored."""
    state: dict[int, dict[str, Any]] = {}
    own = {name: value for name, value in tensors.items() if name.startswith("optimiser.")}
    for name, value in {**own, **numbers["state"]}.items():
        _, index, key = name.split(".", 2)
        state.setdefault(int(index), {})[key] = value
    return {"state": state, "param_groups": numbers["groups"]}


def under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose name begins with ``prefix``, by the rest of their name."""
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}


def remove_leftovers(folder: Path) -> None:
    """Remove what processes that were killed while writing left beside the files."""
    with suppress(OSError):
        for name in (CHECKPOINT, WEIGHTS):
            for path in folder.glob(f".{name}.*"):
                path.unlink(missing_ok=True)


def set_aside(path: Path) -> None:
    """Give a damaged file another name, under which it can be looked at.

    Raises:
        UserError: the folder is read-only.
    """
    try:
        path.replace(path.with_suffix(".damaged"))
    except OSError as error:
        raise UserError(_sentence(error, path.parent)) from error


def _crc32(tensors: dict[str, Tensor]) -> str:
    """A sum over all tensors in the order of their names; finds damage, not malice."""
    total = 0
    for name in sorted(tensors):
        content = tensors[name].reshape(-1).view(torch.uint8).numpy()
        total = zlib.crc32(content.data, total)
    return f"{total:08x}"


def _write_through(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":  # which opens no folders
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sentence(error: OSError, folder: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"There is no space left in {folder}; free some and resume the job."
    return f"{folder} cannot be written ({error.strerror}); mend that and resume the job."


def same_shapes(weights: dict[str, Tensor], net: torch.nn.Module) -> bool:
    """Whether ``weights`` fit ``net``: the same names with the same shapes."""
    own = {name: tensor.shape for name, tensor in net.state_dict().items()}
    return own == {name: tensor.shape for name, tensor in weights.items()}
