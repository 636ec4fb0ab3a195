"""The form of a net: a preset, or one built layer by layer.

Two nets side by side: what they weigh and what they cost, before anything is trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import pandas as pd
import streamlit as st

from tsexplorer.analysis.formatting import counted, size
from tsexplorer.data.registry import get_dataset
from tsexplorer.models import ModelSize, count, describe, get_preset, model_names
from tsexplorer.specs import ModelSpec, NetConfig, Role
from tsexplorer.ui.controls import control
from tsexplorer.ui.objective_form import with_value
from tsexplorer.ui.theme import palette, role_label
from tsexplorer.ui.url_state import publish

NetRole = Literal["teacher", "student"]
CUSTOM = "custom"
WIDTHS = (4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 800, 1024, 1200, 2048)
CHANNELS = (32, 64, 64, 128, 128, 256, 256, 256)
UNITS = (64,) * 8


def fill(role: str, model: ModelSpec) -> None:
    """Put a net into the session."""
    state = st.session_state
    state[role] = model.name
    if model.net is None:
        return
    for name, value in model.net.model_dump().items():
        if name not in ("conv", "dense"):
            state[f"{role}.{name}"] = value
            continue
        state[f"{role}.{name}s"] = len(value)
        for place, width in enumerate(value):
            state[f"{role}.{name}.{place}"] = width


def nets_form() -> tuple[ModelSpec, ModelSpec]:
    """Teacher and student: each a preset, or a net built layer by layer."""
    left, right = st.columns(2)
    below = st.container()  # the width of both: a builder has many controls
    with left:
        teacher = _choice("teacher", "Teacher net")
    with right:
        student = _choice("student", "Student net")
    with below:
        return _net("teacher", teacher, "Teacher net"), _net("student", student, "Student net")


def _choice(role: NetRole, title: str) -> str:
    name: str = st.selectbox(
        title,
        (*model_names(), CUSTOM),
        key=role,
        persist_state="session",
        format_func=_net_title,
    )
    publish(role)
    return name


def _net(role: NetRole, name: str, title: str) -> ModelSpec:
    if name != CUSTOM:
        return ModelSpec(name=name)
    with st.container(border=True):
        st.markdown(f"**{title}, layer by layer**")
        return ModelSpec(name=CUSTOM, net=_builder(role))


def _builder(role: NetRole) -> NetConfig:
    """Widths layer by layer, and what else a net is made of."""
    state = st.session_state
    state.setdefault(f"{role}.convs", 2 if role == "teacher" else 0)
    state.setdefault(f"{role}.denses", 1)
    for name, field in NetConfig.model_fields.items():
        if name not in ("conv", "dense"):
            state.setdefault(f"{role}.{name}", field.default)
    left, right = st.columns(2)
    convs = left.number_input(
        "Convolution blocks", 0, len(CHANNELS), key=f"{role}.convs", persist_state="session"
    )
    denses = right.number_input(
        "Hidden dense layers", 0, len(UNITS), key=f"{role}.denses", persist_state="session"
    )
    values: dict[str, Any] = {
        "conv": _widths(role, "conv", int(convs), "Channels", CHANNELS),
        "dense": _widths(role, "dense", int(denses), "Units", UNITS),
    }
    left, right = st.columns(2)
    with left:
        values["activation"] = control(NetConfig, "activation", role)
        values["dropout"] = _share(role, "dropout", "Dropout")
    with right:
        values["initialisation"] = control(NetConfig, "initialisation", role)
        values["input_dropout"] = _share(role, "input_dropout", "Input dropout")
    # Of a net without convolutions they are kept as they stand: they have no say.
    values |= {name: state[f"{role}.{name}"] for name in ("kernel", "padding")}
    if convs:
        with left:
            values["kernel"] = control(NetConfig, "kernel", role)
        with right:
            values["padding"] = control(NetConfig, "padding", role)
    values["batch_norm"] = st.toggle(
        "Batch norm", key=f"{role}.batch_norm", persist_state="session"
    )
    return NetConfig.model_validate(values)


def _share(role: str, name: str, title: str) -> float:
    """A slider in steps of 0.05, and of what was filled in besides."""
    key = f"{role}.{name}"
    steps = [step / 20 for step in range(19)]
    return float(
        st.select_slider(
            title,
            with_value(steps, st.session_state[key]),
            key=key,
            persist_state="session",
            help=NetConfig.model_fields[name].description,
        )
    )


def _widths(
    role: str, kind: str, count: int, label: str, defaults: Sequence[int]
) -> tuple[int, ...]:
    widths = []
    for place in range(count):
        key = f"{role}.{kind}.{place}"
        st.session_state.setdefault(key, defaults[place])
        options = with_value(WIDTHS, st.session_state[key])
        widths.append(
            int(st.select_slider(f"{label} {place + 1}", options, key=key, persist_state="session"))
        )
    return tuple(widths)


def _net_title(name: str) -> str:
    return "Build your own" if name == CUSTOM else get_preset(name).title


def compare_nets(
    dataset: str, teacher: ModelSpec, student: ModelSpec, several: bool = False
) -> None:
    """Parameters, multiply-accumulates and bytes of both, and the layers on demand.

    Args:
        dataset: whose classes they tell apart.
        teacher: the first, where there are more.
        student: its student.
        several: whether further teachers teach beside it, whose costs stand by their controls.

    Raises:
        UserError: a net is impossible.
    """
    classes = len(get_dataset(dataset).info.classes)
    counts = (count(teacher, classes), count(student, classes))
    largest = max(one.parameters for one in counts)
    titles = ("First teacher" if several else "Teacher", "Student")
    cards: tuple[tuple[Role, ModelSpec], ...] = (("teacher", teacher), ("distilled", student))
    for column, (role, model), one, title in zip(st.columns(2), cards, counts, titles, strict=True):
        with column, st.container(gap="xsmall"):
            _card(role_label(role, title), palette()[role], model, one, one.parameters / largest)
    ratio = counts[0].parameters / counts[1].parameters
    macs = counts[0].macs / counts[1].macs
    st.caption(
        f"The {titles[0].lower()} has {ratio:.3g} times the student’s parameters and does "
        f"{macs:.3g} times its multiply-accumulates (MACs) for one image."
    )
    with st.popover("Layer by layer", icon=":material/layers:"):
        for title, one in zip(titles, counts, strict=True):
            st.markdown(f"**{title}**")
            st.dataframe(_layers(one), hide_index=True)


def _card(label: str, colour: str, model: ModelSpec, one: ModelSize, share: float) -> None:
    """A net; ``share`` is its parameters of those of the larger one."""
    st.markdown(f"{label}: **{one.parameters:,}** parameters")
    width = 100 * max(share, 0.004)
    st.html(
        f'<div role="presentation" style="height:8px;border-radius:4px;background:'
        f'{palette().grid}"><div style="height:8px;border-radius:4px;width:{width:.1f}%;'
        f'background:{colour}"></div></div>'
    )
    st.caption(f"{describe(model)} · {counted(one.macs)} MACs · {size(one.bytes)}")


def _layers(one: ModelSize) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Layer": [row.name for row in one.layers],
            "Output": [row.output for row in one.layers],
            "Parameters": [row.parameters for row in one.layers],
            "MACs": [row.macs for row in one.layers],
        }
    )
