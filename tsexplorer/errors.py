"""Exceptions whose text is shown to users, and exceptions that end a training early.

An error that the user can correct (invalid input, a missing file) is raised as a
:class:`UserError`. Its text is one sentence that says what to do; for a form with several invalid
fields, one sentence for each. Pages and the command line show the text only. Any other exception
is a bug.
"""

from __future__ import annotations


class UserError(Exception):
    """An error that the user can correct; ``str(error)`` is one sentence that says how."""


class NotFoundError(UserError):
    """A name or id that does not exist."""


class Cancelled(Exception):  # noqa: N818 - a request of the user, not an error
    """The user has cancelled the work; raised in the worker that performs it."""


class TrainingPruned(Exception):  # noqa: N818 - a decision of the search, not an error
    """The search has ended the training of a net that is unlikely to be the best."""
