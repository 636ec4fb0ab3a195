"""The control for a field of a spec follows from it: its type, its description, its name."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

import streamlit as st
from pydantic import BaseModel

LABELS = {
    "learning_rate": "Learning rate (peak)",
    "jitter": "Jitter (px)",
    "early_stopping": "Early stopping (epochs; 0 is off)",
    "max_norm": "Weight norm at most (0 is off)",
    "sgd": "SGD",
}


def label_of(field: str) -> str:
    """A field's name as the forms write it.

    >>> label_of("batch_size"), label_of("jitter")
    ('Batch size', 'Jitter (px)')
    """
    return LABELS.get(field, field.replace("_", " ").capitalize())


def control(kind: type[BaseModel], name: str, prefix: str) -> Any:
    """The control for one field of a spec."""
    field = kind.model_fields[name]
    label = label_of(name)
    key, help_text = f"{prefix}.{name}", field.description
    choices = _choices(field.annotation)
    if choices:
        return st.selectbox(label, choices, key=key, help=help_text, persist_state="session")
    if field.annotation in (int, int | None):
        return st.number_input(
            label,
            min_value=0,
            max_value=100_000,
            step=1,
            key=key,
            help=help_text,
            persist_state="session",
        )
    return st.number_input(
        label,
        min_value=0.0,
        step=None,
        format="%.6g",
        key=key,
        help=help_text,
        persist_state="session",
    )


def _choices(annotation: Any) -> tuple[str, ...]:
    return get_args(annotation) if get_origin(annotation) is Literal else ()
