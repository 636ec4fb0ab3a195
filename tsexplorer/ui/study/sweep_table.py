"""A sweep's cells as a table."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from tsexplorer.plots.grid_metrics import MEASURES
from tsexplorer.studies.grid_results import Estimate, SweepMap
from tsexplorer.studies.sweep.spec import SweepSpec


def table(sweep: SweepSpec, found: SweepMap) -> pd.DataFrame:
    """A row a cell; shares in percent, on validation."""
    rows = []
    for one in found.cells:
        row: dict[str, Any] = {"T": one.cell.temperature, "λ": one.cell.lam}
        if len(sweep.rates) > 1:
            row["Learning rate"] = one.cell.learning_rate
        row |= {"Best": one.cell == found.best, "May be best": one.may_be_best}
        for name, measure in MEASURES.items():
            row |= _columns(measure.name, getattr(one, name))
        row |= {"Seeds": one.accuracy.seeds, "Interval": one.accuracy.method}
        rows.append(row)
    return pd.DataFrame(rows)


def _columns(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    figures = (None, None, None) if estimate is None else estimate[:3]
    parts = ("", " low", " high")
    return {
        f"{name}{part} (%)": None if value is None or math.isnan(value) else 100 * value
        for part, value in zip(parts, figures, strict=True)
    }
