"""File names as they can stand in a sentence."""

from __future__ import annotations

import re

LENGTH = 40
ENDING = 12


def shown(name: str) -> str:
    r"""The last part of a path, in quotes, without what cannot be printed, cut to 40 characters.

    Its beginning and its end are kept, so that pictures of one series are told apart. Markup is
    left as it is: who shows it escapes it.

    >>> shown("C:\\scans\\seven\n.png")
    '“seven.png”'
    >>> shown("a" * 300 + ".png")
    '“aaaaaaaaaaaaaaaaaaaaaaaaaaa…aaaaaaaa.png”'
    >>> shown("")
    '“unnamed”'
    """
    last = re.split(r"[\\/]", name.rstrip("\\/"))[-1]
    plain = " ".join("".join(one for one in last if one.isprintable()).split())
    if len(plain) > LENGTH:
        plain = f"{plain[: LENGTH - ENDING - 1]}…{plain[-ENDING:]}"
    return f"“{plain or 'unnamed'}”"
