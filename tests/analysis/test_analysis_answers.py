"""A net's answers: the right numbers, computed once, and never those of other weights."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tsexplorer.analysis import inference as module
from tsexplorer.analysis.inference import AnswerCache, Answers, Source, SplitName
from tsexplorer.data.base import DatasetInfo, Split, Splits
from tsexplorer.data.batches import scale
from tsexplorer.errors import UserError
from tsexplorer.models import build
from tsexplorer.models.network import Net
from tsexplorer.specs import (
    DataSpec,
    ModelSpec,
    NetConfig,
    Precision,
    Scaling,
    StageSpec,
    TrainSpec,
)
from tsexplorer.training import checkpoints
from tsexplorer.training.control import Control
from tsexplorer.training.loop import train
from tsexplorer.training.task import prepare

CLASSES = 3
LINEAR = ModelSpec(name="custom", net=NetConfig())
DENSE = ModelSpec(name="custom", net=NetConfig(dense=(5,), dropout=0.5))
CONV = ModelSpec(name="custom", net=NetConfig(conv=(4,), dense=(6,), batch_norm=True, dropout=0.4))
CORES = 3


def split(size: int, seed: int) -> Split:
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (size, 28, 28), dtype=np.uint8)
    return Split(torch.from_numpy(images), torch.from_numpy(random.integers(0, CLASSES, size)))


def dataset(train_: int = 40, validation: int = 12, test: int = 9) -> Splits:
    names = tuple("abc")
    info = DatasetInfo("toy", "Toy", names, train_, validation, test, source="made here")
    return Splits.measured(info, split(train_, 1), split(validation, 2), split(test, 3))


def stage(
    model: ModelSpec = DENSE,
    scaling: Scaling = "unit",
    seed: int = 0,
    precision: Precision = "fp32",
) -> StageSpec:
    train_spec = TrainSpec(epochs=2, batch_size=20, precision=precision)
    data = DataSpec(name="toy", scaling=scaling)
    return StageSpec(data=data, model=model, train=train_spec, seed=seed)


def weights_of(spec: StageSpec, seed: int = 0) -> dict[str, Tensor]:
    """First weights, with the statistics of batch norm away from where they begin."""
    weights = build(spec.model, CLASSES, seed).state_dict()
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in weights.items():
        if name.endswith(("running_mean", "running_var")):
            weights[name] = torch.rand(tensor.shape, generator=generator) + 0.5
    return weights


def source(folder: Path, spec: StageSpec | None = None, seed: int = 0) -> Source:
    """A trained net on disk."""
    spec = spec or stage()
    checkpoints.write(folder / checkpoints.WEIGHTS, weights_of(spec, seed), {})
    return Source(spec, folder / checkpoints.WEIGHTS, folder)


@dataclass
class Asked:
    """How often nets were asked."""

    times: int = 0


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    seen, real = Asked(), module.compute

    def counted(*args: Any) -> Any:
        seen.times += 1
        return real(*args)

    monkeypatch.setattr(module, "compute", counted)
    return seen


@pytest.fixture
def cores() -> Iterator[None]:
    """A number of threads that is neither 1 nor torch's own choice here, put back afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(CORES)
    yield
    torch.set_num_threads(before)


def same(one: Answers, other: Answers) -> bool:
    return one.key == other.key and np.array_equal(one.logits_NC, other.logits_NC)


# -- the numbers ------------------------------------------------------------------------------


@pytest.mark.parametrize("scaling", ["unit", "standard", "raw"])
def test_logits_of_a_linear_net_worked_by_hand(tmp_path: Path, scaling: Scaling) -> None:
    splits = dataset()
    asking = source(tmp_path, stage(LINEAR, scaling))
    found = AnswerCache().answers(asking, splits, "test")
    pixels = splits.test.images.numpy().reshape(9, -1).astype(np.float64)
    if scaling != "raw":
        pixels /= 255
    if scaling == "standard":
        pixels = (pixels - splits.mean) / splits.deviation
    weights = weights_of(asking.stage)
    expected = pixels @ weights["logits.weight"].numpy().T + weights["logits.bias"].numpy()
    np.testing.assert_allclose(found.logits_NC, expected, rtol=1e-4, atol=1e-4 * pixels.max())
    assert (found.logits_NC.dtype, found.split) == (np.float32, "test")
    assert found.labels_N.tolist() == splits.test.labels.tolist()
    features = AnswerCache().features(asking, splits, "test")
    np.testing.assert_allclose(features, pixels, rtol=1e-5, atol=1e-5 * pixels.max())


@pytest.mark.parametrize("model", [DENSE, CONV])
def test_nets_answer_in_evaluation_mode(tmp_path: Path, model: ModelSpec) -> None:
    """Dropout is off, and batch norm takes the statistics of training."""
    splits, asking = dataset(), source(tmp_path, stage(model))
    net = build(model, CLASSES, 0)
    net.load_state_dict(weights_of(asking.stage))
    net.eval()
    images = scale(splits.validation.images, "unit", splits.mean, splits.deviation)
    with torch.no_grad():
        expected, seen = net(images).numpy(), net.features(images).numpy()
    found = AnswerCache().answers(asking, splits, "validation")
    np.testing.assert_allclose(found.logits_NC, expected, rtol=1e-5, atol=1e-5)
    features = AnswerCache().features(asking, splits, "validation")
    np.testing.assert_allclose(features, seen, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [1, 4, 9, 100])
def test_batches_are_put_together_in_order(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "evaluation_batch", lambda _macs: size)
    splits, asking = dataset(), source(tmp_path, stage(LINEAR))
    found = AnswerCache().features(asking, splits, "test")
    np.testing.assert_allclose(found, splits.test.images.reshape(9, -1).numpy() / 255, rtol=1e-6)


@pytest.mark.parametrize("trained_in", ["fp32", "bf16"])
def test_accuracies_are_those_found_at_the_end_of_training(
    tmp_path: Path, trained_in: Precision
) -> None:
    splits, spec = dataset(validation=50, test=50), stage(CONV, precision=trained_in)

    def nothing(key: str) -> tuple[StageSpec, dict[str, Tensor]]:
        raise AssertionError(key)

    task = prepare(spec, splits, torch.device("cpu"), nothing)
    ended = train(task, tmp_path, lambda _event: None, Control())
    asking = Source(spec, tmp_path / checkpoints.WEIGHTS, tmp_path)
    expected: dict[SplitName, float] = {
        "validation": ended.validation_accuracy,
        "test": ended.test_accuracy,
    }
    for name, accuracy in expected.items():
        found = AnswerCache().answers(asking, splits, name)
        assert (found.logits_NC.argmax(1) == found.labels_N).mean() == pytest.approx(accuracy)


def test_answers_are_shared_and_cannot_be_written_to(tmp_path: Path) -> None:
    splits, cache = dataset(), AnswerCache()
    found = cache.answers(source(tmp_path), splits, "test")
    features = cache.features(source(tmp_path), splits, "test")
    for array in (found.logits_NC, found.labels_N, features):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


# -- beside a trainer -------------------------------------------------------------------------


@pytest.mark.usefixtures("cores")
def test_a_net_is_asked_on_one_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, bool]] = []
    real = Net.features

    def noted(self: Net, images: Tensor) -> Tensor:
        seen.append((torch.get_num_threads(), torch.is_grad_enabled()))
        return real(self, images)

    monkeypatch.setattr(Net, "features", noted)
    AnswerCache().answers(source(tmp_path), dataset(), "test")
    assert seen == [(1, False)]
    assert torch.get_num_threads() == CORES


@pytest.mark.usefixtures("cores")
def test_a_check_hears_how_far_it_is_and_may_stop_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "evaluation_batch", lambda _macs: 3)
    splits, asking, shares = dataset(), source(tmp_path), list[float]()

    def stop(share: float) -> None:
        shares.append(share)
        if share > 0.5:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        AnswerCache().answers(asking, splits, "test", stop)
    assert shares == pytest.approx([0, 3 / 9, 6 / 9])
    assert torch.get_num_threads() == CORES
    assert [path.name for path in tmp_path.iterdir()] == [checkpoints.WEIGHTS]
    AnswerCache().answers(asking, splits, "test", shares.append)
    assert shares[3:] == pytest.approx([0, 3 / 9, 6 / 9])


# -- computed once ----------------------------------------------------------------------------


def test_answers_are_computed_once_a_process(tmp_path: Path, asked: Asked) -> None:
    splits, asking, cache = dataset(), source(tmp_path), AnswerCache()
    first = cache.answers(asking, splits, "test")
    for path in tmp_path.glob("answers-*"):
        path.unlink()
    assert same(cache.answers(asking, splits, "test"), first)
    assert asked.times == 1


def test_the_next_process_finds_them_on_disk(tmp_path: Path, asked: Asked) -> None:
    splits, asking = dataset(), source(tmp_path)
    first = AnswerCache().answers(asking, splits, "test")
    features = AnswerCache().features(asking, splits, "test")
    assert same(AnswerCache().answers(asking, splits, "test"), first)
    assert np.array_equal(AnswerCache().features(asking, splits, "test"), features)
    assert asked.times == 1
    assert {path.name for path in tmp_path.iterdir()} == {
        checkpoints.WEIGHTS,
        "answers-test.safetensors",
        "features-test.safetensors",
    }


def test_each_split_has_answers_of_its_own(tmp_path: Path, asked: Asked) -> None:
    splits, asking, cache = dataset(), source(tmp_path), AnswerCache()
    names: tuple[SplitName, ...] = ("test", "validation", "test", "validation")
    found = [cache.answers(asking, splits, name) for name in names]
    assert [len(one.logits_NC) for one in found] == [9, 12, 9, 12]
    assert asked.times == 2


def test_answers_may_lie_elsewhere_than_the_weights(tmp_path: Path, asked: Asked) -> None:
    """The weights that ship are not in the home folder."""
    asking = source(tmp_path / "assets")._replace(folder=tmp_path / "home" / "key")
    for _ in range(2):
        AnswerCache().answers(asking, dataset(), "test")
    assert asked.times == 1
    assert len(list((tmp_path / "home" / "key").iterdir())) == 2
    assert len(list((tmp_path / "assets").iterdir())) == 1


def test_threads_that_ask_the_same_wait_for_one_computation(tmp_path: Path, asked: Asked) -> None:
    splits, asking, cache = dataset(), source(tmp_path), AnswerCache()
    found: list[Answers] = []

    def ask() -> None:
        found.append(cache.answers(asking, splits, "test"))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert asked.times == 1


def test_memory_holds_those_used_last(
    tmp_path: Path, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT", {"answers": 2, "features": 1})
    splits, cache = dataset(), AnswerCache()
    first, second, third = (source(tmp_path / str(n), stage(seed=n)) for n in range(3))
    for asking in (first, second, first, third):  # the second was not used for the longest time
        cache.answers(asking, splits, "test")
    for path in tmp_path.rglob("*-test.safetensors"):
        path.unlink()
    assert asked.times == 3
    cache.answers(first, splits, "test")
    cache.answers(third, splits, "test")
    assert asked.times == 3
    cache.answers(second, splits, "test")
    assert asked.times == 4


def test_ten_thousand_answers_are_read_in_well_under_50_ms(tmp_path: Path) -> None:
    splits, asking = dataset(test=10_000), source(tmp_path, stage(LINEAR))
    AnswerCache().answers(asking, splits, "test")
    seconds = []
    for _ in range(9):
        began = time.perf_counter()
        AnswerCache().answers(asking, splits, "test")
        seconds.append(time.perf_counter() - began)
    assert min(seconds) < 0.03  # the best of nine: this machine may be busy


# -- never those of others --------------------------------------------------------------------


@pytest.mark.parametrize("keep", [True, False])
def test_weights_that_were_trained_again_are_asked_anew(
    tmp_path: Path, asked: Asked, keep: bool
) -> None:
    """The same stage, hash and file name; in this process and in the next."""
    splits, cache = dataset(), AnswerCache()
    asking = source(tmp_path, seed=0)
    old = cache.answers(asking, splits, "test")
    features = cache.features(asking, splits, "test")
    later = cache if keep else AnswerCache()
    again = source(tmp_path, seed=1)
    new = later.answers(again, splits, "test")
    assert not np.allclose(new.logits_NC, old.logits_NC)
    assert not np.allclose(later.features(again, splits, "test"), features)
    assert new.key != old.key
    assert asked.times == 2
    assert same(AnswerCache().answers(again, splits, "test"), new)
    assert asked.times == 2


def test_weights_replaced_while_they_are_asked_are_asked_anew(tmp_path: Path, asked: Asked) -> None:
    splits, asking, shares = dataset(), source(tmp_path, seed=0), list[float]()

    def replace_once(share: float) -> None:
        if not shares:
            source(tmp_path, seed=1)
        shares.append(share)

    found = AnswerCache().answers(asking, splits, "test", replace_once)
    assert asked.times == 2
    fresh = AnswerCache().answers(source(tmp_path / "other", seed=1), splits, "test")
    assert np.array_equal(found.logits_NC, fresh.logits_NC)
    assert same(AnswerCache().answers(asking, splits, "test"), found)


@pytest.mark.parametrize("part", ["answers", "features"])
@pytest.mark.parametrize("damage", ["flipped", "cut", "emptied", "foreign"])
def test_a_damaged_file_is_computed_anew(
    tmp_path: Path, asked: Asked, part: str, damage: str
) -> None:
    splits, asking = dataset(), source(tmp_path)
    first = AnswerCache().answers(asking, splits, "test")
    features = AnswerCache().features(asking, splits, "test")
    path = tmp_path / f"{part}-test.safetensors"
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[-1] ^= 1
    path.write_bytes(
        {"flipped": content, "cut": content[:-7], "emptied": b"", "foreign": b"{}" * 50}[damage]
    )
    cache = AnswerCache()
    assert same(cache.answers(asking, splits, "test"), first)
    assert np.array_equal(cache.features(asking, splits, "test"), features)
    assert asked.times == 2
    assert same(AnswerCache().answers(asking, splits, "test"), first)  # the file is whole again
    assert np.array_equal(AnswerCache().features(asking, splits, "test"), features)
    assert asked.times == 2


def test_a_file_of_another_stage_is_not_taken(tmp_path: Path, asked: Asked) -> None:
    splits = dataset()
    one, other = source(tmp_path / "one"), source(tmp_path / "other", stage(scaling="raw"))
    AnswerCache().answers(one, splits, "test")
    for path in (tmp_path / "one").glob("*-test*"):
        path.rename(tmp_path / "other" / path.name)
    found = AnswerCache().answers(other, splits, "test")
    assert asked.times == 2
    assert same(AnswerCache().answers(other, splits, "test"), found)


def test_a_file_of_another_split_is_not_taken(tmp_path: Path, asked: Asked) -> None:
    """Not even of one with as many images and the same labels."""
    splits = dataset(validation=9)
    splits = replace(splits, validation=Split(splits.validation.images, splits.test.labels))
    asking = source(tmp_path)
    test = AnswerCache().answers(asking, splits, "test")
    path = tmp_path / "answers-test.safetensors"
    path.rename(tmp_path / "answers-validation.safetensors")
    found = AnswerCache().answers(asking, splits, "validation")
    assert not np.allclose(found.logits_NC, test.logits_NC)
    assert asked.times == 2


def test_answers_to_other_images_are_not_taken(tmp_path: Path, asked: Asked) -> None:
    splits, asking = dataset(), source(tmp_path)
    AnswerCache().answers(asking, splits, "test")
    scaled = replace(splits, mean=splits.mean + 0.1)
    AnswerCache().answers(asking, scaled, "test")
    assert asked.times == 2
    labels = splits.test.labels.flip(0)
    relabelled = replace(scaled, test=Split(splits.test.images, labels))
    found = AnswerCache().answers(asking, relabelled, "test")
    assert found.labels_N.tolist() == labels.tolist()
    assert asked.times == 3


def test_a_sample_and_the_whole_are_not_taken_for_each_other(tmp_path: Path, asked: Asked) -> None:
    """The first images ship, and are shown until the dataset is here; it has the same pixels."""
    splits, asking, cache = dataset(), source(tmp_path), AnswerCache()
    first = Split(splits.test.images[:4], splits.test.labels[:4])
    for _ in range(2):
        sample = cache.answers(asking, replace(splits, test=first), "test")
        whole = cache.answers(asking, splits, "test")
        assert (len(sample.logits_NC), len(whole.logits_NC)) == (4, 9)
        np.testing.assert_allclose(sample.logits_NC, whole.logits_NC[:4], atol=1e-6)
        assert sample.key != whole.key
    assert asked.times == 2


# -- what can go wrong ------------------------------------------------------------------------


def test_a_folder_that_cannot_be_written_costs_time_alone(tmp_path: Path, asked: Asked) -> None:
    (tmp_path / "file").write_text("in the way")
    asking = source(tmp_path)._replace(folder=tmp_path / "file" / "key")
    for times in (1, 2):
        found = AnswerCache().answers(asking, dataset(), "test")
        assert len(found.logits_NC) == 9
        assert asked.times == times


@pytest.mark.parametrize("present", [True, False])
def test_weights_that_are_missing(tmp_path: Path, present: bool) -> None:
    """Also where their answers are still there: they are of a net that nobody has."""
    asking, cache = source(tmp_path), AnswerCache()
    if present:
        cache.answers(asking, dataset(), "test")
    asking.weights.unlink()
    with pytest.raises(UserError, match=r"^The weights of this net are missing; train .* again\.$"):
        cache.answers(asking, dataset(), "test")


def test_weights_that_are_damaged(tmp_path: Path) -> None:
    asking = source(tmp_path)
    asking.weights.write_bytes(asking.weights.read_bytes()[:-9])
    with pytest.raises(UserError, match=r"is damaged; delete the file and train"):
        AnswerCache().answers(asking, dataset(), "test")


def test_weights_of_another_net(tmp_path: Path) -> None:
    asking = source(tmp_path, stage(CONV))._replace(stage=stage(DENSE))
    with pytest.raises(UserError, match=r"^The weights found belong to another net; train"):
        AnswerCache().answers(asking, dataset(), "test")


def test_a_net_whose_training_diverged(tmp_path: Path) -> None:
    asking = source(tmp_path)
    weights = {name: tensor * torch.nan for name, tensor in weights_of(asking.stage).items()}
    checkpoints.write(asking.weights, weights, {})
    with pytest.raises(UserError, match=r"something else than numbers; train it with a lower"):
        AnswerCache().answers(asking, dataset(), "test")
    assert [path.name for path in tmp_path.iterdir()] == [checkpoints.WEIGHTS]
