"""Devices, number formats and memory formats: which are chosen, and that results stay the same."""

from __future__ import annotations

import pytest
import torch

from tests.training.training_examples import (
    CONV,
    CPU,
    DENSE,
    make_stage,
    make_task,
    small_splits,
)
from tsexplorer.data.base import ImageTask
from tsexplorer.errors import UserError
from tsexplorer.models import build
from tsexplorer.specs import ModelSpec
from tsexplorer.training import device
from tsexplorer.training.device import autocast, describe_machine, pick_device, uses_bf16

CUDA = torch.device("cuda")


@pytest.fixture(params=[True, False])
def processor_has_bf16(request, monkeypatch) -> bool:
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: request.param)
    return bool(request.param)


def test_auto_is_bf16_for_convolutions_if_the_cpu_has_it(processor_has_bf16):
    assert uses_bf16("auto", build(CONV, ImageTask(10), 0), CPU) is processor_has_bf16
    assert uses_bf16("auto", build(DENSE, ImageTask(10), 0), CPU) is False
    assert uses_bf16("auto", build(ModelSpec(name="mlp-64"), ImageTask(10), 0), CPU) is False


def test_an_explicit_precision_is_used_on_every_cpu(processor_has_bf16):
    for model in (CONV, DENSE):
        assert uses_bf16("bf16", build(model, ImageTask(10), 0), CPU)
        assert not uses_bf16("fp32", build(model, ImageTask(10), 0), CPU)


def test_auto_depends_on_the_gpu(monkeypatch):
    for supported in (True, False):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda supported=supported: supported)
        assert uses_bf16("auto", build(CONV, ImageTask(10), 0), CUDA) is supported


@pytest.mark.parametrize(
    ("precision", "expected"), [("bf16", torch.bfloat16), ("fp32", torch.float32)]
)
def test_autocast_changes_outputs_and_not_weights(precision, expected):
    task = make_task(make_stage(CONV, precision=precision))
    images = next(task.batches.epoch(1)).images
    with autocast(task.bf16, CPU):
        z_BC = task.net(images)
    assert z_BC.dtype == expected
    assert {parameter.dtype for parameter in task.net.parameters()} == {torch.float32}


def test_bf16_changes_only_the_rounding():
    logits = []
    for precision in ("bf16", "fp32"):
        task = make_task(make_stage(CONV, precision=precision))
        images = next(task.batches.epoch(1)).images
        task.net.eval()
        with torch.no_grad(), autocast(task.bf16, CPU):
            logits.append(task.net(images).float())
    assert not torch.equal(*logits)
    torch.testing.assert_close(*logits, rtol=0.05, atol=0.05)


@pytest.mark.usefixtures("float64")
def test_channels_last_gives_the_same_logits():
    task = make_task(make_stage(CONV))
    weights = [w for w in task.net.parameters() if w.dim() == 4 and w.shape[1] > 1]
    assert weights
    assert all(w.is_contiguous(memory_format=torch.channels_last) for w in weights)
    plain = build(CONV, ImageTask(10), 0)
    plain.load_state_dict(task.net.state_dict())
    assert all(w.is_contiguous() for w in plain.parameters())
    images = next(task.batches.epoch(1)).images
    task.net.eval()
    plain.eval()
    with torch.no_grad():
        torch.testing.assert_close(task.net(images), plain(images), rtol=0, atol=1e-9)


@pytest.mark.usefixtures("float64")
def test_channels_last_gives_the_same_gradients():
    task = make_task(make_stage(CONV))
    plain = build(CONV, ImageTask(10), 0)
    plain.load_state_dict(task.net.state_dict())
    images = small_splits().train.images[:20].unsqueeze(1) / 255
    for net in (task.net.eval(), plain.eval()):
        net(images).square().mean().backward()
    for weight, plain_weight in zip(task.net.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(weight.grad, plain_weight.grad, rtol=0, atol=1e-9)


def test_auto_picks_a_gpu_if_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto") == CPU
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device("auto") == CUDA


@pytest.mark.parametrize("name", ["cuda", "cuda:1", "mps"])
def test_a_missing_device_is_an_error(name, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(UserError, match=rf"^The device '{name}' is not on this machine; .*auto\.$"):
        pick_device(name)


def test_an_available_device_is_picked(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert pick_device("cuda:1") == torch.device("cuda:1")
    assert pick_device("cpu") == CPU


def test_description_names_the_processor_or_the_gpu(monkeypatch):
    monkeypatch.setattr(device.platform, "machine", lambda: "abacus")
    assert describe_machine(CPU).startswith("abacus CPU, 1 thread, torch ")
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"card {device}")
    assert describe_machine(torch.device("cuda:1")).startswith("card cuda:1, torch ")
