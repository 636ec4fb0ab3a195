"""Trained nets that answer one image at once, kept ready in memory.

Shape suffixes: N images, C classes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tsexplorer.analysis.answers import DIVERGED, Source, load_net
from tsexplorer.analysis.threads import one_thread
from tsexplorer.data.base import Splits
from tsexplorer.data.batches import scale
from tsexplorer.errors import UserError
from tsexplorer.models.net import Net

KEPT = 12
"""Nets kept: the three of four experiments."""

State = tuple[Path, int, int]


class Nets:
    """Nets by their weights file; safe to ask from several threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[State, Net] = OrderedDict()
        self._lock = threading.Lock()

    def logits(
        self, source: Source, splits: Splits, pixels_N: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """A net's logits N×C over images, scaled as in its training, in fp32 on one core.

        Args:
            source: which net.
            splits: the dataset of its stage, whose mean and deviation scale the images.
            pixels_N: uint8 N×28×28.

        Raises:
            UserError: the weights are missing, damaged, another net's, or not numbers.
        """
        data = source.stage.data
        # A copy: the pixels may be read-only, which torch knows nothing of.
        pixels = torch.from_numpy(np.array(pixels_N))
        images = scale(pixels, data.scaling, splits.mean, splits.deviation)
        net = self._net(source, len(splits.info.classes))
        with one_thread(), torch.inference_mode():
            z_NC = net(images)
        if not bool(z_NC.isfinite().all()):
            raise UserError(DIVERGED)
        logits: NDArray[np.float32] = z_NC.numpy()
        return logits

    def _net(self, source: Source, classes: int) -> Net:
        """From memory, unless the file was written anew."""
        try:
            stat = source.weights.stat()
            state = (source.weights, stat.st_mtime_ns, stat.st_size)
        except OSError:
            state = (source.weights, 0, 0)  # loading it says what is wrong
        with self._lock:
            net = self._kept.get(state)
            if net is None:
                net = self._kept[state] = load_net(source, classes)
            self._kept.move_to_end(state)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return net
