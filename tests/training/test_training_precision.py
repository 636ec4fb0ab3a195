"""Number formats and memory formats: which are taken, and that the function stays the same."""

from __future__ import annotations

import pytest
import torch

from tests.training.training_examples import CONV, CPU, DENSE, few, made, stage
from tsexplorer.errors import UserError
from tsexplorer.models import build
from tsexplorer.specs import ModelSpec
from tsexplorer.training import device
from tsexplorer.training.device import autocast, machine, pick_device, uses_bf16

CUDA = torch.device("cuda")


@pytest.fixture(params=[True, False])
def processor_has_bf16(request, monkeypatch) -> bool:
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: request.param)
    return bool(request.param)


def test_auto_is_bf16_for_convolutions_where_the_processor_has_it(processor_has_bf16):
    assert uses_bf16("auto", build(CONV, 10, 0), CPU) is processor_has_bf16
    assert uses_bf16("auto", build(DENSE, 10, 0), CPU) is False


def test_a_wish_is_granted_whatever_the_processor_has(processor_has_bf16):
    for model in (CONV, DENSE):
        assert uses_bf16("bf16", build(model, 10, 0), CPU)
        assert not uses_bf16("fp32", build(model, 10, 0), CPU)


def test_auto_asks_the_gpu(monkeypatch):
    for answer in (True, False):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda answer=answer: answer)
        assert uses_bf16("auto", build(CONV, 10, 0), CUDA) is answer


@pytest.mark.parametrize(("wish", "expected"), [("bf16", torch.bfloat16), ("fp32", torch.float32)])
def test_autocast_sets_the_format_of_the_work_and_not_of_the_weights(wish, expected):
    task = made(stage(CONV, precision=wish))
    images = next(task.batches.epoch(1)).images
    with autocast(task.bf16, CPU):
        z_BC = task.net(images)
    assert z_BC.dtype == expected
    assert {parameter.dtype for parameter in task.net.parameters()} == {torch.float32}


def test_bf16_is_the_same_function_but_for_rounding():
    answers = []
    for wish in ("bf16", "fp32"):
        task = made(stage(CONV, precision=wish))
        images = next(task.batches.epoch(1)).images
        task.net.eval()
        with torch.no_grad(), autocast(task.bf16, CPU):
            answers.append(task.net(images).float())
    assert not torch.equal(*answers)
    torch.testing.assert_close(*answers, rtol=0.05, atol=0.05)


@pytest.mark.usefixtures("float64")
def test_channels_last_is_the_same_function():
    task = made(stage(CONV))
    weights = [w for w in task.net.parameters() if w.dim() == 4 and w.shape[1] > 1]
    assert weights
    assert all(w.is_contiguous(memory_format=torch.channels_last) for w in weights)
    plain = build(CONV, 10, 0)
    plain.load_state_dict(task.net.state_dict())
    assert all(w.is_contiguous() for w in plain.parameters())
    images = next(task.batches.epoch(1)).images
    task.net.eval()
    plain.eval()
    with torch.no_grad():
        torch.testing.assert_close(task.net(images), plain(images), rtol=0, atol=1e-9)


@pytest.mark.usefixtures("float64")
def test_gradients_channels_last_are_the_same():
    task = made(stage(CONV))
    plain = build(CONV, 10, 0)
    plain.load_state_dict(task.net.state_dict())
    images = few().train.images[:20].unsqueeze(1) / 255
    for net in (task.net.eval(), plain.eval()):
        net(images).square().mean().backward()
    for one, other in zip(task.net.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=0, atol=1e-9)


def test_auto_takes_the_cpu_where_there_is_nothing_else(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto") == CPU
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device("auto") == CUDA


@pytest.mark.parametrize("wish", ["cuda", "cuda:1", "mps"])
def test_a_device_that_is_not_here_is_refused_in_one_sentence(wish, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(UserError, match=rf"^The device '{wish}' is not on this machine; .*auto\.$"):
        pick_device(wish)


def test_a_device_that_is_here_is_taken(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert pick_device("cuda:1") == torch.device("cuda:1")
    assert pick_device("cpu") == CPU


def test_machine_names_what_was_trained_on(monkeypatch):
    monkeypatch.setattr(device.platform, "machine", lambda: "abacus")
    assert machine(CPU).startswith("abacus CPU, 1 thread, torch ")
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"card {device}")
    assert machine(torch.device("cuda:1")).startswith("card cuda:1, torch ")


def test_presets_without_convolutions_stay_in_fp32(processor_has_bf16):
    assert not uses_bf16("auto", build(ModelSpec(name="mlp-64"), 10, 0), CPU)
