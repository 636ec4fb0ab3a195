"""``python -m tsexplorer.export``: write a net as ONNX, as a request in standard input says.

The request is an ``OnnxRequest`` as JSON.

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

from tsexplorer.analysis.inference import TrainedNet, load_net
from tsexplorer.data.base import Normalisation, array_shape
from tsexplorer.errors import UserError
from tsexplorer.export.archive import EXIT_USER_ERROR, OnnxRequest
from tsexplorer.models.network import Net

CHECKED_IMAGES = 4
"""Random images on which the ONNX file and the net are compared."""
TOLERANCE = 1e-3
"""Largest difference of logits, relative to the largest logit: about 100 times an fp32 error."""


class NetOnPixels(nn.Module):
    """A net that scales its input images itself."""

    def __init__(self, net: Net, request: OnnxRequest) -> None:
        super().__init__()
        self.net = net
        self.normalise = Normalisation(request.stage.data.scaling, request.statistics)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits N×C of uint8 images N×H×W or N×H×W×3."""
        z_NC: Tensor = self.net(self.normalise(images))
        return z_NC


def write(request: OnnxRequest) -> None:
    """Write the ONNX file and check that its logits are those of the net.

    Raises:
        UserError: the weights are missing or damaged, or the logits differ.
    """
    source = TrainedNet(request.stage, request.weights, Path(request.weights).parent)
    net = NetOnPixels(load_net(source, request.task), request).eval()
    images = torch.randint(
        0,
        256,
        (CHECKED_IMAGES, *array_shape(request.task.image_shape)),
        dtype=torch.uint8,
        generator=torch.Generator().manual_seed(0),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside the exporter
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
    program.save(str(request.output))
    with torch.inference_mode():
        expected_NC = net(images).numpy()
    evaluator = ReferenceEvaluator(onnx.load(str(request.output)))
    (z_NC,) = evaluator.run(None, {"images": images.numpy()})
    error = float(np.abs(np.asarray(z_NC) - expected_NC).max())
    if not error <= TOLERANCE * max(1.0, float(np.abs(expected_NC).max())):
        request.output.unlink()
        raise UserError(
            f"The net cannot be exported: the logits of its ONNX file differ by {error:.3g} from "
            "its own; use its weights file instead."
        )


if __name__ == "__main__":
    try:
        write(OnnxRequest.model_validate_json(sys.stdin.read()))
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(EXIT_USER_ERROR)
