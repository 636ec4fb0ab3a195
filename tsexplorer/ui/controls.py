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


STEPS = {
    "learning_rate": 0.0005,
    "weight_decay": 0.0001,
    "epsilon": 1e-8,
    "momentum": 0.05,
    "averaging": 0.01,
}
"""What plus and minus add to a number that is not whole; as large as its usual values allow."""


def label_of(field: str) -> str:
    """A field's name as the forms write it.

    >>> label_of("batch_size"), label_of("jitter")
    ('Batch size', 'Jitter (px)')
    """
    return LABELS.get(field, field.replace("_", " ").capitalize())


def control(kind: type[BaseModel], name: str, prefix: str) -> Any:
    """The control for one field of a spec.

    Numbers have no bounds here: Streamlit keeps what lies beyond them to itself, and the page would
    go on with the value from before, while the spec says in a sentence what is wrong.
    """
    field = kind.model_fields[name]
    label = label_of(name)
    key, help_text = f"{prefix}.{name}", field.description
    choices = _choices(field.annotation)
    if choices:
        return st.selectbox(label, choices, key=key, help=help_text, persist_state="session")
    if field.annotation in (int, int | None):
        return st.number_input(
            label,
            step=1,
            key=key,
            help=help_text,
            persist_state="session",
        )
    return st.number_input(
        label,
        step=STEPS.get(name, 0.1),
        format="%.6g",
        key=key,
        help=help_text,
        persist_state="session",
    )


def _choices(annotation: Any) -> tuple[str, ...]:
    return get_args(annotation) if get_origin(annotation) is Literal else ()
