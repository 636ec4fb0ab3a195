"""The temperature lens: an image's class distributions at T, redrawn while T is dragged.

The browser gets the logits once and computes everything else (``assets/lens``). It sends T to
Python only when the slider is released. Page and user can both set T; the last change holds, see
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

from tsexplorer.assets import read_assets
from tsexplorer.errors import UserError
from tsexplorer.plots.classes import LIKELIEST, MAX_ROWS, likeliest_classes, short_names
from tsexplorer.plots.style import TITLES
from tsexplorer.specs import ROLES, Role
from tsexplorer.ui.pixels import image_data
from tsexplorer.ui.theme import MARKS

MIN_TEMPERATURE, MAX_TEMPERATURE = 0.5, 50.0
"""Range of the slider."""
MARKED_TEMPERATURES = (1, 2, 4, 8, 20)
"""Temperatures with a button below the slider."""

_mount = st.components.v2.component(
    "tsexplorer_lens",
    html=read_assets("lens/lens.html"),
    css=read_assets("shared/pictures.css", "lens/lens.css"),
    js=read_assets(
        *("shared/elements.js", "shared/pictures.js"),
        *("lens/numbers.js", "lens/view.js", "lens/picture.js", "lens/lens.js"),
    ),
)


class Release(NamedTuple):
    """T at which the user released the slider; serial numbers count the releases from 1."""

    temperature: float
    serial: int


@dataclass(frozen=True)
class TemperatureState:
    """T of the lens, from one run of the script to the next.

    Attributes:
        page_temperature: T that the page asked for in the last run.
        serial: serial number of the last release that was processed; 0 before the first.
        released: T of that release, while the page has not changed T since.
    """

    page_temperature: float
    serial: int = 0
    released: float | None = None

    @property
    def temperature(self) -> float:
        """T of the lens."""
        return self.page_temperature if self.released is None else self.released

    def update(self, page_temperature: float, release: Release | None) -> TemperatureState:
        """Return the state of a run in which the page asks for ``page_temperature``.

        A page may ask for the released T (after reading it from the URL, for example); this does
        not count as a change by the page.
        """
        if release is not None and release.serial > self.serial:
            return TemperatureState(page_temperature, release.serial, release.temperature)
        changed = page_temperature not in (self.page_temperature, self.released)
        return TemperatureState(page_temperature, self.serial, None if changed else self.released)


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

    Up to 12 classes, each class has a row. Of more classes, the likeliest have one, and the user
    can add one more; the last row is the sum of all others.

    Args:
        logits: C logits of one image at T = 1 for each role.
        label: true class, shown as the one-hot target; None if unknown.
        classes: names of the C classes.
        image: uint8 H×W or H×W×3; None if there are only logits.
        temperature: initial T, clipped to the range of the slider. Another value in a later run
            moves the slider, unless it is being dragged.
        key: Streamlit key; T stays the same when the image changes.

    Returns:
        T at the last release, with three significant digits; None before the first release, and
        after the page has changed T.

    Raises:
        UserError: logits are not finite.
        ValueError: shapes do not match.
    """
    state_key = f"_state_{key}"
    page_temperature = _clip(temperature)
    previous = st.session_state.get(state_key, TemperatureState(page_temperature))
    state: TemperatureState = previous.update(
        page_temperature, _read_release(st.session_state.get(key))
    )
    st.session_state[state_key] = state
    _mount(key=key, data=payload(logits, label, classes, image, state))
    return state.released


def payload(
    logits: Mapping[Role, Sequence[float]],
    label: int | None,
    classes: Sequence[str],
    image: NDArray[np.uint8] | None,
    state: TemperatureState,
) -> dict[str, Any]:
    """Return the data for the browser, as JSON; arguments and errors as in :func:`lens`."""
    roles = [role for role in ROLES if role in logits]
    if not roles:
        raise ValueError("the lens needs the logits of at least one role")
    if label is not None and not 0 <= label < len(classes):
        raise ValueError(f"label {label} is not one of {len(classes)} classes")
    nets = [_role_data(role, logits[role], len(classes)) for role in roles]
    return {
        "classes": [str(name) for name in classes],
        "short": list(short_names(classes)),
        "label": None if label is None else int(label),
        "image": None if image is None else image_data(image),
        "roles": nets,
        "rows": _shown_rows([net["logits"] for net in nets], label),
        "temperature": state.temperature,
        "serial": state.serial,
        "range": [MIN_TEMPERATURE, MAX_TEMPERATURE],
        "marks": list(MARKED_TEMPERATURES),
    }


def _role_data(role: Role, logits: Sequence[float], classes: int) -> dict[str, Any]:
    values = [float(value) for value in logits]
    if len(values) != classes:
        raise ValueError(f"the {role} has {len(values)} logits for {classes} classes")
    if not all(math.isfinite(value) for value in values):
        raise UserError(
            f"The {role} net’s logits for this image are not finite, so it has no probabilities; "
            "train it again with a lower learning rate."
        )
    return {"role": role, "title": TITLES[role], "mark": MARKS[role], "logits": values}


def _shown_rows(nets: Sequence[Sequence[float]], label: int | None) -> list[int] | None:
    """Return the classes with a row of their own; None if all have one."""
    count = len(nets[0])
    if count <= MAX_ROWS:
        return None
    logits = [np.asarray(values) for values in nets]
    return likeliest_classes(logits, LIKELIEST, [] if label is None else [int(label)])


def _read_release(component_state: Mapping[str, Any] | None) -> Release | None:
    """Return the last release that the browser sent; None before the first."""
    release = (component_state or {}).get("release")
    if release is None:
        return None
    return Release(_clip(release["temperature"]), int(release["serial"]))


def _clip(temperature: Any) -> float:
    return min(max(float(temperature), MIN_TEMPERATURE), MAX_TEMPERATURE)
