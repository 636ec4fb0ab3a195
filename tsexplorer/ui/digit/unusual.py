"""A note on images that do not look like those that the nets were trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from tsexplorer.errors import UserError
from tsexplorer.imaging import Digit
from tsexplorer.ui.digit.words import confidence_percent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tsexplorer.services import Service
    from tsexplorer.ui.digit.answers import AnsweredImage, SeedNets
    from tsexplorer.ui.digit.pictures import FittedImage

QUANTILES = (0.005, 0.995)
"""99 % of the validation images lie between them."""
MIN_IMAGES, MAX_IMAGES = 100, 2_000
"""With fewer validation images there is no usual range; of more images, this many are read."""
CHUNK = 100


class UsualRange(NamedTuple):
    """Where 99 % of the validation images lie; pixels / 255, all channels together.

    Attributes:
        mean: lowest and highest mean.
        deviation: lowest and highest standard deviation.
    """

    mean: tuple[float, float]
    deviation: tuple[float, float]


ANY_IMAGE = UsualRange((0.0, 1.0), (0.0, 1.0))


@st.cache_data(max_entries=32, show_spinner=False)
def usual_range(dataset: str, _service: Service) -> UsualRange:
    """Return the usual range of a dataset's images; any image is usual if there are few.

    Raises:
        UserError: there are no images.
    """
    import numpy as np

    pixels_N = _service.inference.images(dataset, "validation").pixels_N
    if len(pixels_N) < MIN_IMAGES:
        return ANY_IMAGE
    chosen = np.linspace(0, len(pixels_N) - 1, min(len(pixels_N), MAX_IMAGES)).astype(int)
    figures_N2 = np.concatenate(
        [
            mean_and_deviation(pixels_N[chosen[start : start + CHUNK]])
            for start in range(0, len(chosen), CHUNK)
        ]
    )
    (low_mean, low_deviation), (high_mean, high_deviation) = np.quantile(
        figures_N2, QUANTILES, axis=0
    ).tolist()
    return UsualRange((low_mean, high_mean), (low_deviation, high_deviation))


def mean_and_deviation(pixels_N: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return mean and standard deviation of each image N×2, pixels / 255.

    Args:
        pixels_N: N×H×W or N×H×W×3.
    """
    import numpy as np

    flat_N = pixels_N.reshape(len(pixels_N), -1) / np.float32(255)
    return np.stack([flat_N.mean(1, np.float64), flat_N.std(1, np.float64)], axis=1)


def unusual_looks(pixels: NDArray[np.uint8], usual: UsualRange) -> list[str]:
    """Say in which way an image is darker, brighter, flatter or richer in contrast than usual."""
    ((mean, deviation),) = mean_and_deviation(pixels[None]).tolist()
    words = []
    if not usual.mean[0] <= mean <= usual.mean[1]:
        words.append("darker" if mean < usual.mean[0] else "brighter")
    if not usual.deviation[0] <= deviation <= usual.deviation[1]:
        words.append(
            "lower in contrast" if deviation < usual.deviation[0] else "richer in contrast"
        )
    return [f"it is {' and '.join(words)} than nearly all validation images"] if words else []


def show_unusual_input(nets: SeedNets, answered: AnsweredImage) -> None:
    """Say if an image does not look like the training data."""
    from tsexplorer.analysis.prediction import reference_role

    reasons = _unusual_looks(nets, answered.net_input)
    role = reference_role(answered.predictions)
    try:
        least = nets.service.inference.low_confidence_threshold(nets.stages[role])
    except UserError:
        least = 0.0  # without the dataset's images there is nothing to compare with
    if answered.predictions[role].confidence < least:
        reasons.append(
            f"the {role} is less sure of it than of 99 % of the validation images "
            f"({confidence_percent(least)} or more)"
        )
    if reasons:
        st.caption(f":material/help: Unlike the training data: {'; '.join(reasons)}.")


def _unusual_looks(nets: SeedNets, net_input: Digit | FittedImage) -> list[str]:
    if not nets.info.handwriting:
        try:
            return unusual_looks(net_input.pixels, usual_range(nets.info.name, nets.service))
        except UserError:
            return []
    if isinstance(net_input, Digit) and not net_input.is_typical:
        return ["its strokes have far more or less ink than nearly all training images"]
    return []
