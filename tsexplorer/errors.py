"""The exceptions that a person is meant to read.

Whatever can go wrong because of what someone typed, picked or removed is raised as a
:class:`UserError` whose text is one clear sentence that says what to do (of a form with several
wrong fields, one a field). Pages and the shell show that and nothing else; any other exception is
a bug.
"""

from __future__ import annotations


class UserError(Exception):
    """Something a person can mend; ``str(error)`` is one sentence that says how."""


class NotFoundError(UserError):
    """A name or id that stands for nothing here."""


class Cancelled(Exception):  # noqa: N818 - not an error: the person asked for it
    """Raised inside a worker where a cancel request takes effect."""


class GivenUp(Exception):  # noqa: N818 - it is no error
    """The training of a net is not worth going on with: whoever asked for it said so."""
