"""Layouts of features that take their time: one at a time, watched and cancelled from any page.

They belong to the process, not to the page that asked: whoever looks again finds what was laid
out. numpy spends one core on them (:mod:`tsexplorer.analysis.tsne` multiplies blocks too small to
be shared out), and they take turns, so that a trainer beside them keeps the other cores.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from tsexplorer.analysis.soft_targets import Logits
from tsexplorer.analysis.tsne import Sight, Singles, tsne

log = logging.getLogger(__name__)

Status = Literal["waiting", "running", "done", "cancelled", "failed"]
METHODS: dict[str, Callable[[Logits, int], Iterator[Sight]]] = {"tsne": tsne}
"""Each takes features N×F and a seed, and tells how far it is; the last sight is the layout."""
KEPT = 16
"""How many layouts that have come to an end are remembered: for 1,000 images 8 kB each."""


class LayoutKey(NamedTuple):
    """What decides a layout.

    Attributes:
        answers: key of the net's answers: its stage, its weights, the images.
        method: one of :data:`METHODS`.
        sample: how many of the images.
        seed: of the sample and of the method.
    """

    answers: str
    method: str
    sample: int
    seed: int


@dataclass(frozen=True, eq=False)
class Layout:
    """Where one layout stands.

    Attributes:
        status: ``waiting`` for its turn, ``running``, or how it ended.
        share: of the work that is done, 0...1.
        points_N2: coordinates, once it is done.
        sentence: why it failed.
    """

    status: Status
    share: float = 0.0
    points_N2: Singles | None = None
    sentence: str | None = None

    @property
    def under_way(self) -> bool:
        """Whether it may still come to be done."""
        return self.status in ("waiting", "running")


class Layouts:
    """The layouts of this process; safe to ask from any thread."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._states: OrderedDict[LayoutKey, Layout] = OrderedDict()
        self._cancels: dict[LayoutKey, threading.Event] = {}
        self._guard = threading.Lock()
        self._turn = threading.Lock()

    def state(self, key: LayoutKey) -> Layout | None:
        """Where a layout stands; None if it was never begun, or is forgotten."""
        with self._guard:
            found = self._states.get(key)
            if found is not None:
                self._states.move_to_end(key)
            return found

    def start(self, key: LayoutKey, x_NF: Logits) -> None:
        """Begin a layout, unless it is done or under way.

        Args:
            key: what decides it.
            x_NF: the features that the key stands for.
        """
        with self._guard:
            state = self._states.get(key)
            if state is not None and (state.under_way or state.status == "done"):
                return
            cancel = self._cancels[key] = threading.Event()
            self._put(key, Layout("waiting"))
        threading.Thread(
            target=self._work, args=(key, x_NF, cancel), name=f"layout-{key.method}", daemon=True
        ).start()

    def cancel(self, key: LayoutKey) -> None:
        """Give up a layout that is under way; it can be begun again at once."""
        with self._guard:
            state = self._states.get(key)
            if state is not None and state.under_way:
                self._cancels.pop(key).set()
                self._put(key, Layout("cancelled"))

    def cancel_all(self) -> None:
        """Give up all that is under way."""
        with self._guard:
            keys = list(self._cancels)
        for key in keys:
            self.cancel(key)

    def _work(self, key: LayoutKey, x_NF: Logits, cancel: threading.Event) -> None:
        try:
            with self._turn:
                state = self._lay_out(key, x_NF, cancel)
        except Exception as error:
            log.exception("laying out %s failed", key)
            kind = type(error).__name__
            state = Layout("failed", sentence=f"The layout met an unexpected error ({kind}).")
        with self._guard:
            if not cancel.is_set():
                self._cancels.pop(key)
                self._put(key, state)

    def _lay_out(self, key: LayoutKey, x_NF: Logits, cancel: threading.Event) -> Layout:
        points_N2 = None
        for share, points_N2 in METHODS[key.method](x_NF, key.seed):  # noqa: B007 - the last counts
            with self._guard:
                if cancel.is_set():
                    break
                self._put(key, Layout("running", share))
        return Layout("done", 1.0, points_N2)

    def _put(self, key: LayoutKey, state: Layout) -> None:
        self._states[key] = state
        self._states.move_to_end(key)
        ended = [key for key, state in self._states.items() if not state.under_way]
        for old in ended[: max(0, len(ended) - self._kept)]:
            del self._states[old]
