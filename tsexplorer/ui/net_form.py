"""The form of teacher and student nets, and a comparison of their sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import pandas as pd
import streamlit as st

from tsexplorer.analysis.formatting import format_count, format_size
from tsexplorer.data.registry import get_dataset
from tsexplorer.models import ModelSize, count, describe, get_preset, model_names
from tsexplorer.specs import ModelSpec, NetConfig, Role
from tsexplorer.ui.objective_form import with_value
from tsexplorer.ui.theme import palette, role_label
from tsexplorer.ui.url_state import write_parameter
from tsexplorer.ui.widgets import field_widget

NetRole = Literal["teacher", "student"]
CUSTOM = "custom"
WIDTHS = (4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 800, 1024, 1200, 2048)
DEFAULT_CHANNELS = (32, 64, 64, 128, 128, 256, 256, 256, *(256,) * 8)
BLOCK_FIELDS = ("kernel", "padding", "block", "downsample", "head")
"""Fields of a net that matter only where it has convolution blocks."""
DEFAULT_UNITS = (64,) * 8
MIN_BAR_SHARE = 0.004
"""Smallest width of the bar of a net's parameters, as a share of 1."""


def fill(role: str, model: ModelSpec) -> None:
    """Put a net into the session."""
    state = st.session_state
    state[role] = model.name
    if model.net is None:
        return
    strides = enumerate(model.net.strides)
    state[f"{role}.keeping"] = [block for block, stride in strides if stride == 1]
    for name, value in model.net.model_dump().items():
        if name == "strides":
            continue
        if name not in ("conv", "dense"):
            state[f"{role}.{name}"] = value
            continue
        state[f"{role}.{name}s"] = len(value)
        for layer, width in enumerate(value):
            state[f"{role}.{name}.{layer}"] = width


def nets_form() -> tuple[ModelSpec, ModelSpec]:
    """Draw the choices of teacher and student, each a preset or a custom net; return both."""
    left, right = st.columns(2)
    below = st.container()  # as wide as both columns: a custom net has many controls
    with left:
        teacher = _preset_control("teacher", "Teacher net")
    with right:
        student = _preset_control("student", "Student net")
    with below:
        return (
            _custom_net_form("teacher", teacher, "Teacher net"),
            _custom_net_form("student", student, "Student net"),
        )


def _preset_control(role: NetRole, title: str) -> str:
    name: str = st.selectbox(
        title,
        (*model_names(), CUSTOM),
        key=role,
        persist_state="session",
        format_func=lambda name: "Build your own" if name == CUSTOM else get_preset(name).title,
    )
    write_parameter(role)
    return name


def _custom_net_form(role: NetRole, name: str, title: str) -> ModelSpec:
    if name != CUSTOM:
        return ModelSpec(name=name)
    with st.container(border=True):
        st.markdown(f"**{title}, layer by layer**")
        return ModelSpec(name=CUSTOM, net=_layers_form(role))


def _layers_form(role: NetRole) -> NetConfig:
    """Draw the controls of a custom net; return its settings."""
    state = st.session_state
    state.setdefault(f"{role}.convs", 2 if role == "teacher" else 0)
    state.setdefault(f"{role}.denses", 1)
    for name, field in NetConfig.model_fields.items():
        if name not in ("conv", "dense", "strides"):
            state.setdefault(f"{role}.{name}", field.default)
    left, right = st.columns(2)
    convs = left.number_input(
        "Convolution blocks",
        0,
        len(DEFAULT_CHANNELS),
        key=f"{role}.convs",
        persist_state="session",
    )
    denses = right.number_input(
        "Hidden dense layers", 0, len(DEFAULT_UNITS), key=f"{role}.denses", persist_state="session"
    )
    values: dict[str, Any] = {
        "conv": _widths(f"{role}.conv", int(convs), "Channels", DEFAULT_CHANNELS),
        "dense": _widths(f"{role}.dense", int(denses), "Units", DEFAULT_UNITS),
    }
    left, right = st.columns(2)
    with left:
        values["activation"] = field_widget(NetConfig, "activation", role)
        values["dropout"] = _dropout_control(role, "dropout", "Dropout")
    with right:
        values["initialisation"] = field_widget(NetConfig, "initialisation", role)
        values["input_dropout"] = _dropout_control(role, "input_dropout", "Input dropout")
    # A net without convolutions keeps their settings, which have no effect.
    values |= {name: state[f"{role}.{name}"] for name in BLOCK_FIELDS}
    if convs:
        for number, name in enumerate(BLOCK_FIELDS):
            with right if number % 2 else left:
                values[name] = field_widget(NetConfig, name, role)
        values["strides"] = _strides(role, int(convs))
    values["batch_norm"] = st.toggle(
        "Batch norm", key=f"{role}.batch_norm", persist_state="session"
    )
    return NetConfig.model_validate(values)


def _strides(role: str, blocks: int) -> tuple[int, ...]:
    """Draw the choice of the blocks that keep the sides; return a stride for each block."""
    key = f"{role}.keeping"
    stored = [block for block in st.session_state.get(key, ()) if block < blocks]
    if st.session_state.get(key) != stored:
        st.session_state[key] = stored
    keeping = st.multiselect(
        "Blocks that keep the sides of the image",
        range(blocks),
        key=key,
        persist_state="session",
        format_func=lambda block: f"Block {block + 1}",
        placeholder="none: each block halves them",
    )
    # Without a choice the strides are the default, which has no part in the net's hash.
    return tuple(1 if block in keeping else 2 for block in range(blocks)) if keeping else ()


def _dropout_control(role: str, name: str, title: str) -> float:
    """Draw a slider in steps of 0.05, with the value that was filled in as a further option."""
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


def _widths(prefix: str, layers: int, label: str, defaults: Sequence[int]) -> tuple[int, ...]:
    """Draw a slider for the width of each layer; return the widths."""
    widths = []
    for layer in range(layers):
        key = f"{prefix}.{layer}"
        st.session_state.setdefault(key, defaults[layer])
        options = with_value(WIDTHS, st.session_state[key])
        widths.append(
            int(st.select_slider(f"{label} {layer + 1}", options, key=key, persist_state="session"))
        )
    return tuple(widths)


def compare_nets(
    dataset: str, teacher: ModelSpec, student: ModelSpec, several: bool = False
) -> None:
    """Draw parameters, multiply-accumulates and bytes of both nets, and their layers on demand.

    Args:
        dataset: whose number of classes the nets have.
        teacher: the first teacher.
        student: its student.
        several: whether there are further teachers, whose sizes are shown in their own form.

    Raises:
        UserError: a net cannot be built.
    """
    task = get_dataset(dataset).info.task
    nets: tuple[tuple[Role, ModelSpec], ...] = (("teacher", teacher), ("distilled", student))
    sizes = [count(model, task) for _, model in nets]
    titles = ("First teacher" if several else "Teacher", "Student")
    largest = max(net_size.parameters for net_size in sizes)
    columns = st.columns(2)
    for column, (role, model), net_size, title in zip(columns, nets, sizes, titles, strict=True):
        with column, st.container(gap="xsmall"):
            share = net_size.parameters / largest
            _net_card(
                role_label(role, title), palette()[role], describe(model, task), net_size, share
            )
    parameters = sizes[0].parameters / sizes[1].parameters
    macs = sizes[0].macs / sizes[1].macs
    st.caption(
        f"{titles[0]} v. student: {parameters:.3g}× the parameters, {macs:.3g}× the "
        "multiply-accumulates (MACs) per image."
    )
    with st.popover("Layer by layer", icon=":material/layers:"):
        for title, net_size in zip(titles, sizes, strict=True):
            st.markdown(f"**{title}**")
            st.dataframe(_layer_table(net_size), hide_index=True)


def _net_card(label: str, colour: str, layers: str, net_size: ModelSize, share: float) -> None:
    """Draw a net's size; ``share`` is its parameters over those of the larger net."""
    st.markdown(f"{label}: **{net_size.parameters:,}** parameters")
    width = 100 * max(share, MIN_BAR_SHARE)
    st.html(
        f'<div role="presentation" style="height:8px;border-radius:4px;background:'
        f'{palette().grid}"><div style="height:8px;border-radius:4px;width:{width:.1f}%;'
        f'background:{colour}"></div></div>'
    )
    st.caption(f"{layers} · {format_count(net_size.macs)} MACs · {format_size(net_size.bytes)}")


def _layer_table(net_size: ModelSize) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Layer": [layer.name for layer in net_size.layers],
            "Output": [layer.output for layer in net_size.layers],
            "Parameters": [layer.parameters for layer in net_size.layers],
            "MACs": [layer.macs for layer in net_size.layers],
        }
    )
