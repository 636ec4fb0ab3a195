"""Hinton, Vinyals and Dean 2015, arXiv 1503.02531, section 3: dense nets on MNIST.

The paper also limits the norm of the incoming weights of each unit of the teacher and shifts its
images randomly; both are training settings. The dropout rates are those of the net that the paper
cites, Hinton et al. 2012, arXiv 1207.0580: half of the hidden units and a fifth of the pixels.
"""

from __future__ import annotations

from tsexplorer.models.registry import Preset
from tsexplorer.specs import NetConfig

SOURCE = "Hinton, Vinyals, Dean 2015, arXiv 1503.02531, section 3"

PRESET = (
    Preset(
        name="hinton-teacher",
        title="Hinton 2015 teacher",
        summary="A large dense teacher: two layers of 1200 units, strong dropout.",
        source=f"{SOURCE}; dropout rates from Hinton et al. 2012, arXiv 1207.0580",
        net=NetConfig(dense=(1200, 1200), dropout=0.5, input_dropout=0.2),
    ),
    Preset(
        name="hinton-student",
        title="Hinton 2015 student",
        summary="A large student: two layers of 800 units, no dropout.",
        source=SOURCE,
        net=NetConfig(dense=(800, 800)),
    ),
    Preset(
        name="hinton-300",
        title="Hinton 2015 student with 300 units",
        summary="Two layers of 300 units: at this width or more, all T above 8 are similar.",
        source=SOURCE,
        net=NetConfig(dense=(300, 300)),
    ),
    Preset(
        name="hinton-narrow",
        title="Hinton 2015 narrow student",
        summary="A very small student: two layers of 30 units, for which a low T is best.",
        source=SOURCE,
        net=NetConfig(dense=(30, 30)),
    ),
)
