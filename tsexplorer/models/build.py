"""From a spec to a torch module; torch is imported when it is first asked for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsexplorer.models.count import check
from tsexplorer.models.registry import resolve

if TYPE_CHECKING:
    from tsexplorer.models.net import Net
    from tsexplorer.specs import ModelSpec


def build(model: ModelSpec, classes: int, seed: int) -> Net:
    """Build a net on the CPU, in training mode, with its first weights.

    Safe to call from several threads at once. The weights are a function of the arguments alone,
    and torch's global generator is left untouched.

    Args:
        model: which net.
        classes: C, units of its last layer.
        seed: of the weights.

    Returns:
        a net from scaled images B×1×28×28 to logits B×C.

    Raises:
        NotFoundError: there is no such net.
        UserError: the net is impossible, or too large.
    """
    check(model, classes)
    from tsexplorer.models.net import assemble

    return assemble(resolve(model), classes, seed)
