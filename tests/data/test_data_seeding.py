"""Derived seeds are functions of their parts, and of nothing else."""

from __future__ import annotations

import numpy as np
import torch

from tsexplorer.data.batches import derived_seed


def test_seeds_stay_what_they_were_in_earlier_releases():
    assert derived_seed(0, 1, "order") == 1_314_866_371_737_174_458


def test_each_part_its_kind_and_its_place_count():
    parts = [(0, 1), (1, 0), (0, 1, ""), ("0", 1), ("0", "1"), ("01",), ("ab", "c"), ("a", "bc")]
    assert len({derived_seed(*one) for one in parts}) == len(parts)


def test_every_generator_takes_them():
    for number in range(100):
        seed = derived_seed(number)
        assert 0 <= seed < 2**63
        torch.Generator().manual_seed(seed)
        np.random.default_rng(seed)


def test_neighbouring_seeds_differ_in_the_bits_that_torch_uses():
    assert len({derived_seed(number) % 2**32 for number in range(2000)}) == 2000
