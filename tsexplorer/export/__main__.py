"""``python -m tsexplorer.export``: a net as ONNX, as standard input asks; see ``writer``.

Shape suffixes: N images, C classes.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx.reference import ReferenceEvaluator
from torch import Tensor, nn

from tsexplorer.analysis.inference import Source, load_net
from tsexplorer.data.base import SIDE
from tsexplorer.data.batches import scale
from tsexplorer.errors import UserError
from tsexplorer.export.writer import WRONG, Request
from tsexplorer.models.network import Net

TRIED = 4
"""Images that the file has to answer as the net does."""
TOLERANCE = 1e-3
"""Of the largest logit; in fp32 a large net differs by about a hundredth of that."""


class FromPixels(nn.Module):
    """A net with its scaling before it."""

    def __init__(self, net: Net, request: Request) -> None:
        super().__init__()
        self.net = net
        self.request = request

    def forward(self, images: Tensor) -> Tensor:
        """Logits N×C of uint8 images N×28×28."""
        asked = self.request
        z_NC: Tensor = self.net(
            scale(images, asked.stage.data.scaling, asked.mean, asked.deviation)
        )
        return z_NC


def write(request: Request) -> None:
    """Write the file, once it answers as the net does.

    Raises:
        UserError: the weights are missing or damaged, or the file answers otherwise.
    """
    source = Source(request.stage, request.weights, Path(request.weights).parent)
    net = FromPixels(load_net(source, request.classes), request).eval()
    images = torch.randint(
        0, 256, (TRIED, SIDE, SIDE), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the exporter says of its own future
        program = torch.onnx.export(
            net,
            (images,),
            input_names=["images"],
            output_names=["logits"],
            dynamic_shapes={"images": {0: torch.export.Dim("N")}},
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    assert program is not None
    program.save(str(request.into))
    with torch.inference_mode():
        expected_NC = net(images).numpy()
    file = ReferenceEvaluator(onnx.load(str(request.into)))
    (z_NC,) = file.run(None, {"images": images.numpy()})
    off = float(np.abs(np.asarray(z_NC) - expected_NC).max())
    if not off <= TOLERANCE * max(1.0, float(np.abs(expected_NC).max())):
        request.into.unlink()
        raise UserError(
            f"As ONNX the net answers otherwise (logits differ by {off:.3g}); it is not written."
        )


if __name__ == "__main__":
    try:
        write(Request.model_validate_json(sys.stdin.read()))
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(WRONG)
