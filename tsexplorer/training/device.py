"""Which device and number format a stage runs in, and what follows for its tensors.

The cores that a thread takes to train with.
"""

from __future__ import annotations

import os
import platform
import threading
from contextlib import AbstractContextManager, nullcontext, suppress

import torch
from torch import nn

from tsexplorer.errors import UserError
from tsexplorer.specs import Precision


def pick_device(wish: str) -> torch.device:
    """The device that ``TSEXPLORER_DEVICE`` asks for; ``auto`` takes a GPU when there is one.

    Raises:
        UserError: the device asked for is not here.
    """
    if wish == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(wish)
    if not _is_here(device):
        raise UserError(f"The device {wish!r} is not on this machine; set TSEXPLORER_DEVICE=auto.")
    return device


def _is_here(device: torch.device) -> bool:
    match device.type:
        case "cuda":
            return (device.index or 0) < torch.cuda.device_count()
        case "mps":
            return torch.backends.mps.is_available()
    return device.type == "cpu"


def has_convolutions(net: nn.Module) -> bool:
    """Whether channels_last and bf16 pay for this net."""
    return any(isinstance(module, nn.Conv2d) for module in net.modules())


def uses_bf16(wish: Precision, net: nn.Module, device: torch.device) -> bool:
    """Whether to run in bf16.

    ``auto`` says yes for convolutional nets where the device computes in bf16: measured twice as
    fast for ``wu-cnn``, and slower for dense nets on a CPU, where the casts cost more than they
    save.
    """
    if wish != "auto":
        return wish == "bf16"
    if not has_convolutions(net):
        return False
    if device.type == "cpu":
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return device.type == "cuda" and torch.cuda.is_bf16_supported()


def autocast(enabled: bool, device: torch.device) -> AbstractContextManager[object]:
    """bf16 autocast, or nothing."""
    return torch.autocast(device.type, torch.bfloat16) if enabled else nullcontext()


def machine(device: torch.device | None = None) -> str:
    """The machine in words, to stand beside figures measured on it.

    Args:
        device: what they were measured on; None stands for what ``auto`` would take.

    Returns:
        with the calling thread's number of threads where that is what counts.
    """
    device = device or pick_device("auto")
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, torch {torch.__version__}"
    if device.type == "mps":
        return f"{platform.machine()} GPU, torch {torch.__version__}"
    threads = torch.get_num_threads()
    cores = f"{threads} thread{'s' * (threads != 1)}"
    return f"{platform.machine()} CPU, {cores}, torch {torch.__version__}"


NICENESS = 5


def allowed_cores() -> int:
    """Cores that this process may use: the machine's, its affinity's or its container's share.

    More threads than that wait for each other at every operation, which can cost ten times.
    """
    # Not joblib's own, which is 1 where a system has no semaphores. A third of a second to import,
    # and no page needs it.
    from joblib.externals.loky import cpu_count

    return int(cpu_count())


def use_cores(threads: int | None) -> None:
    """Take the allowed cores for the calling thread, politely.

    torch keeps its number of threads per calling thread, so the trainer's own thread has to set
    it; a lower priority lets a page that must be drawn go first.
    """
    # A thread takes over the process's number at its first look, which has to come before.
    torch.get_num_threads()
    torch.set_num_threads(threads or allowed_cores())
    if hasattr(os, "setpriority") and threading.current_thread() is not threading.main_thread():
        with suppress(OSError):
            before = os.getpriority(os.PRIO_PROCESS, 0)
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), max(NICENESS, before))
