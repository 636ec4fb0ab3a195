"""Device, number format and CPU threads of a training run."""

from __future__ import annotations

import os
import platform
import threading
from contextlib import AbstractContextManager, nullcontext, suppress

import torch
from torch import nn

from tsexplorer.errors import UserError
from tsexplorer.specs import Precision

NICENESS = 5
"""Lowest priority of a training thread, as Unix counts it: 0 is normal, 19 the lowest."""


def pick_device(name: str) -> torch.device:
    """The device for the setting ``TSEXPLORER_DEVICE``.

    Args:
        name: a torch device, or ``auto``: a GPU if there is one, else the CPU.

    Raises:
        UserError: this machine has no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if not _is_available(device):
        raise UserError(f"The device {name!r} is not on this machine; set TSEXPLORER_DEVICE=auto.")
    return device


def _is_available(device: torch.device) -> bool:
    match device.type:
        case "cuda":
            return (device.index or 0) < torch.cuda.device_count()
        case "mps":
            return torch.backends.mps.is_available()
    return device.type == "cpu"


def has_convolutions(net: nn.Module) -> bool:
    """Whether the net has convolutions, for which channels_last and bf16 are faster."""
    return any(isinstance(module, nn.Conv2d) for module in net.modules())


def uses_bf16(precision: Precision, net: nn.Module, device: torch.device) -> bool:
    """Whether the net runs in bf16.

    ``auto`` means bf16 for convolutional nets on devices that compute in bf16. There it was twice
    as fast for ``wu-cnn``. Dense nets on a CPU were slower in bf16: the casts cost more time than
    the arithmetic saves.
    """
    if precision != "auto":
        return precision == "bf16"
    if not has_convolutions(net):
        return False
    if device.type == "cpu":
        # torch has no public function for this.
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return device.type == "cuda" and torch.cuda.is_bf16_supported()


def autocast(enabled: bool, device: torch.device) -> AbstractContextManager[object]:
    """Context of bf16 autocast; does nothing if not ``enabled``."""
    return torch.autocast(device.type, torch.bfloat16) if enabled else nullcontext()


def describe_machine(device: torch.device | None = None) -> str:
    """Describe the machine, for display next to figures measured on it.

    Args:
        device: device of the measurement; None for the one that ``auto`` picks.

    Returns:
        Name of the device and version of torch; for a CPU also the calling thread's number of
        torch threads.
    """
    device = device or pick_device("auto")
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, torch {torch.__version__}"
    if device.type == "mps":
        return f"{platform.machine()} GPU, torch {torch.__version__}"
    threads = torch.get_num_threads()
    cores = f"{threads} thread{'s' * (threads != 1)}"
    return f"{platform.machine()} CPU, {cores}, torch {torch.__version__}"


def allowed_cores() -> int:
    """Number of cores that this process may use, limited by its affinity and its container.

    With more threads than cores, threads wait for each other in every operation, which can make
    training ten times slower.
    """
    # loky's count, since joblib.cpu_count() is 1 on systems without semaphores. Imported here
    # because the import takes a third of a second and pages do not need it.
    from joblib.externals.loky import cpu_count

    return int(cpu_count())


def use_cores(threads: int | None) -> None:
    """Set the calling thread's number of torch threads, and lower its priority.

    torch counts threads per calling thread, so the training thread has to call this itself. With a
    lower priority of training, pages are drawn first. The main thread keeps its priority.

    Args:
        threads: number of torch threads; None for all allowed cores.
    """
    # The first call in a thread copies the number of the process, so it must come before the set.
    torch.get_num_threads()
    torch.set_num_threads(threads or allowed_cores())
    if hasattr(os, "setpriority") and threading.current_thread() is not threading.main_thread():
        with suppress(OSError):
            niceness = max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0))
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
