"""Figures that were drawn before: Plotly takes a twentieth of a second to build one."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

import streamlit as st


def _name(build: FunctionType) -> str:
    return f"{build.__module__}.{build.__qualname__}"


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs={FunctionType: _name})
def drawn(build: Callable[..., Any], *parts: Any) -> Any:
    """What ``build`` makes of its parts; of the same parts, the same figure again.

    It is shared between visitors: nobody changes it.
    """
    return build(*parts)
