"""The temperature lens: one image's distributions at T, which follow while T is dragged.

The browser gets the logits once and does the rest (``assets/lens``). Python hears of T only when
it is let go. Who says where T stands, the page or the person? Whoever moved it last: see
:class:`TemperatureState`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from tsexplorer.errors import UserError
from tsexplorer.plots.style import TITLES
from tsexplorer.specs import ROLES, Role
from tsexplorer.ui.components import joined
from tsexplorer.ui.theme import MARKS

LOWEST, HIGHEST = 0.5, 50.0
"""The ends of the slider."""
SHORT_CUTS = (1, 2, 4, 8, 20)
"""Values of T that the slider has marks at."""

_mount = st.components.v2.component(
    "tsexplorer_lens",
    html=joined("lens/lens.html"),
    css=joined("shared/pictures.css", "lens/lens.css"),
    js=joined(
        *("shared/elements.js", "shared/pictures.js"),
        *("lens/numbers.js", "lens/view.js", "lens/picture.js", "lens/lens.js"),
    ),
)


class Release(NamedTuple):
    """T as it was let go; a later release has a higher serial number."""

    temperature: float
    serial: int


@dataclass(frozen=True)
class TemperatureState:
    """Who moved T last, from one run of the script to the next.

    Attributes:
        given: the page's T in the last run.
        heard: serial number of the last release heard of; 0 before the first.
        released: the T let go at, while the page has not moved T since.
    """

    given: float
    heard: int = 0
    released: float | None = None

    @property
    def temperature(self) -> float:
        """Where T stands."""
        return self.given if self.released is None else self.released

    def after(self, given: float, release: Release | None) -> TemperatureState:
        """What holds in a run in which the page says ``given``.

        A page may hand the released T back as its own (from the URL, say): that moves nothing.
        """
        if release is not None and release.serial > self.heard:
            return TemperatureState(given, release.serial, release.temperature)
        moved = given not in (self.given, self.released)
        return TemperatureState(given, self.heard, None if moved else self.released)


def lens(
    *,
    logits: Mapping[Role, Sequence[float]],
    label: int | None,
    classes: Sequence[str],
    image: NDArray[np.uint8] | None,
    temperature: float,
    key: str,
) -> float | None:
    """Draw the lens.

    Args:
        logits: C logits of one image for each role that there is, at T = 1.
        label: the image's class, shown as the one-hot target; None where it is not known.
        classes: the C names of the classes.
        image: 28×28, 0...255, light on dark; None where there is only the logits.
        temperature: where T stands until a person moves it, held within LOWEST...HIGHEST.
            Another value in a later run moves T there, unless it is being dragged.
        key: the lens's name on its page; T stays where it is when the image changes.

    Returns:
        The T that the person let go at, three significant digits; None until then, and again
        once the page has moved T.

    Raises:
        UserError: logits are not finite.
        ValueError: shapes do not fit.
    """
    slot = f"_standing_{key}"
    given = min(max(float(temperature), LOWEST), HIGHEST)
    before = st.session_state.get(slot, TemperatureState(given))
    standing: TemperatureState = before.after(given, _release(st.session_state.get(key)))
    st.session_state[slot] = standing
    _mount(key=key, data=payload(logits, label, classes, image, standing))
    return standing.released


def payload(
    logits: Mapping[Role, Sequence[float]],
    label: int | None,
    classes: Sequence[str],
    image: NDArray[np.uint8] | None,
    standing: TemperatureState,
) -> dict[str, Any]:
    """What the browser gets, as JSON; for arguments and errors see :func:`lens`."""
    roles = [role for role in ROLES if role in logits]
    if not roles:
        raise ValueError("the lens needs the logits of one role at least")
    if label is not None and not 0 <= label < len(classes):
        raise ValueError(f"there is no class {label} among {len(classes)}")
    return {
        "classes": [str(name) for name in classes],
        "label": None if label is None else int(label),
        "image": None if image is None else _pixels(image),
        "roles": [_role(role, logits[role], len(classes)) for role in roles],
        "temperature": standing.temperature,
        "heard": standing.heard,
        "range": [LOWEST, HIGHEST],
        "marks": list(SHORT_CUTS),
    }


def _role(role: Role, logits: Sequence[float], classes: int) -> dict[str, Any]:
    values = [float(value) for value in logits]
    if len(values) != classes:
        raise ValueError(f"the {role} has {len(values)} logits for {classes} classes")
    if not all(math.isfinite(value) for value in values):
        raise UserError(
            f"The {role} net answers this image with numbers that are not finite, so there are "
            "no probabilities to show; train it again with a lower learning rate."
        )
    return {"role": role, "title": TITLES[role], "mark": MARKS[role], "logits": values}


def _pixels(image: NDArray[np.uint8]) -> list[int]:
    array = np.asarray(image)
    if array.shape != (28, 28) or array.dtype != np.uint8:
        raise ValueError(f"an image is 28×28 uint8, not {array.shape} {array.dtype}")
    pixels: list[int] = array.ravel().tolist()
    return pixels


def _release(state: Mapping[str, Any] | None) -> Release | None:
    """The last release out of the component's state; nothing before the first."""
    sent = (state or {}).get("release")
    if sent is None:
        return None
    temperature = min(max(float(sent["temperature"]), LOWEST), HIGHEST)
    return Release(temperature, int(sent["serial"]))
