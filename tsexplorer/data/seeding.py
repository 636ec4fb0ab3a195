"""Seeds for generators, derived from what the random numbers are for."""

from __future__ import annotations

import hashlib
import json


def derived_seed(*parts: int | str) -> int:
    """A seed that is a function of ``parts`` alone, in every process and on every machine.

    Generators that are seeded with neighbouring numbers, or that share one number, are not
    independent of each other; a digest of (seed, epoch, purpose) makes them so. An int and its
    spelling are different parts, and so are ``("ab", "c")`` and ``("a", "bc")``.

    Args:
        parts: for example the stage's seed, the epoch and the purpose.

    Returns:
        0...2⁶³ - 1, which every generator takes (torch's CPU generator uses the lowest 32 bits).

    >>> derived_seed(0, 3, "order") == derived_seed(0, 3, "order")
    True
    >>> derived_seed(0, 3, "order") == derived_seed(0, 3, "jitter")
    False
    """
    digest = hashlib.sha256(json.dumps(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
