"""Which sweep or tuning a page shows: from the URL, else the newest; and to be rid of one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import streamlit as st

from tsexplorer.errors import NotFoundError
from tsexplorer.services.service import ACTIVE
from tsexplorer.store import JobStatus
from tsexplorer.ui.app_state import sentences
from tsexplorer.ui.theme import escaped
from tsexplorer.ui.url_state import WRITTEN, publish


class Kept(Protocol):
    """What both are."""

    @property
    def id(self) -> str:
        """For the URL."""

    @property
    def name(self) -> str:
        """For people."""

    @property
    def status(self) -> JobStatus:
        """Of its latest job, or done."""


One = TypeVar("One", bound=Kept)


@dataclass(frozen=True)
class Past(Generic[One]):
    """How a page asks for what was done before.

    Attributes:
        title: what one of them is, capitalised.
        parameter: its name in the URL.
        all: gives them, newest first.
        one: gives one by id or name; raises NotFoundError.
        delete: removes one.
    """

    title: str
    parameter: str
    all: Callable[[], tuple[One, ...]]
    one: Callable[[str], One]
    delete: Callable[[str], None]

    @property
    def shown(self) -> str:
        """Where the session has the id of the one that is shown."""
        return f"{self.parameter}.shown"


def choice(past: Past[One]) -> One | None:
    """A select box of all of them; the URL follows. None where there are none yet."""
    every = {one.id: one for one in past.all()}
    _adopt(past, bool(every))
    if not every:
        return None
    if st.session_state.get(past.shown) not in every:
        st.session_state[past.shown] = next(iter(every))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            past.title,
            list(every),
            key=past.shown,
            format_func=lambda key: every[key].name,
        )
        _delete(past, every[chosen])
    publish(past.parameter, past.shown)
    return every[chosen]


def _adopt(past: Past[One], others: bool) -> None:
    """Take the one from the URL; what is not there is said."""
    asked = st.query_params.get(past.parameter)
    ours = st.session_state.get(WRITTEN, {}).get(past.parameter)
    if asked is None or (asked == ours and past.shown in st.session_state):
        return  # it stands there because we wrote it: somebody may just have picked another
    try:
        found = past.one(asked)
    except NotFoundError as error:
        shown = " Shown instead: the newest." if others else ""
        st.warning(f"{escaped(str(error))}{shown}", icon=":material/link_off:")
        del st.query_params[past.parameter]
    else:
        st.session_state[past.shown] = found.id


def _delete(past: Past[One], one: One) -> None:
    if one.status in ACTIVE:
        return
    with st.popover("Delete", icon=":material/delete:"):
        st.markdown(f"The {past.title.lower()} and the weights that nothing else uses are removed.")
        if st.button("Delete for good", key=f"delete_{one.id}", type="primary"):
            with sentences():
                past.delete(one.id)
                st.query_params.pop(past.parameter, None)
                st.session_state.pop(past.shown, None)
                st.rerun()
