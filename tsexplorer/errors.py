"""Exceptions whose text is shown to users, and exceptions that end a training early.

An error that the user can correct (invalid input, a missing file) is raised as a
:class:`UserError`. Its text is one sentence that says what to do; for a form with several invalid
fields, one sentence for each. Pages and the command line show the text only. Any other exception
is a bug. :func:`read_faults` turns a report of pydantic into such sentences.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pydantic import ValidationError

LENGTH_ERRORS = {"too_short": ("at least", "min_length"), "too_long": ("at most", "max_length")}
"""Errors of pydantic about the length of a tuple: its messages contain the word "tuple"."""


class UserError(Exception):
    """An error that the user can correct; ``str(error)`` is one sentence that says how."""


class NotFoundError(UserError):
    """A name or id that does not exist."""


class Fault(NamedTuple):
    """An invalid field of a spec.

    Attributes:
        field: dotted path of the field; empty if the spec as a whole is invalid.
        message: the end of a sentence that begins with the field.
    """

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field or 'the spec'}{self.message}"


class SpecError(UserError):
    """An invalid spec; its text is the first fault.

    Attributes:
        faults: all invalid fields.
    """

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__(faults)
        self.faults = faults

    def __str__(self) -> str:
        return str(self.faults[0])


class Cancelled(Exception):  # noqa: N818 - a request of the user, not an error
    """The user has cancelled the work; raised in the worker that performs it."""


class TrainingPruned(Exception):  # noqa: N818 - a decision of the search, not an error
    """The search has ended the training of a net that is unlikely to be the best."""


def read_faults(error: ValidationError) -> tuple[Fault, ...]:
    """All faults in a report of pydantic."""
    return tuple(_read_fault(dict(details)) for details in error.errors(include_url=False))


def format_first_fault(error: ValidationError) -> str:
    """The first fault in a report of pydantic, as one sentence."""
    return str(read_faults(error)[0])


def shorten(value: object, max_length: int = 60) -> str:
    """``repr(value)``, cut to at most ``max_length`` characters.

    >>> shorten("hot"), len(shorten("x" * 1000))
    ("'hot'", 60)
    """
    text = repr(value)
    return text if len(text) <= max_length else f"{text[: max_length - 1]}…"


def _read_fault(details: dict[str, Any]) -> Fault:
    field = ".".join(str(part) for part in details["loc"])
    value = details.get("input")
    if details["type"] == "extra_forbidden":
        return Fault(field, " is not a known setting; remove it or check its spelling.")
    if details["type"] == "missing":
        return Fault(field, " is missing; add it.")
    if details["type"] in LENGTH_ERRORS:
        comparison, bound = LENGTH_ERRORS[details["type"]]
        length = details["ctx"][bound]
        noun = "value" if length == 1 else "values"
        return Fault(field, f": give {comparison} {length} {noun}.")
    reason = details["msg"].removeprefix("Value error, ").removeprefix("Input ")
    given = f" (given: {shorten(value)})" if isinstance(value, str | int | float | bool) else ""
    return Fault(field, f": {reason[0].lower()}{reason[1:]}{given}.")
