"""Assertions in the shared helpers say what they compared."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.sweeps.sweep_examples")
