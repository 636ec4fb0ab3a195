"""Findings: maps that were trained once and ship as figures, to be opened without training."""

from __future__ import annotations

from tsexplorer.findings.catalogue import Finding, finding_names, get_finding

__all__ = ["Finding", "finding_names", "get_finding"]
