"""What distillation changed: agreement with the teacher, calibration, confusions."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from tsexplorer.plots.quality import (
    confusion_difference_figure,
    confusion_figure,
    reliability_figure,
)
from tsexplorer.plots.style import TITLES
from tsexplorer.specs import Role
from tsexplorer.ui.figures import figure, numbers_button
from tsexplorer.ui.soft_targets.page_state import Sight, needs_teacher
from tsexplorer.ui.theme import palette, role_label


def view(sight: Sight) -> None:
    """A table, reliability diagrams and confusion matrices."""
    needs_teacher(sight)
    from tsexplorer.analysis.quality import confusion, reliability

    table = _figures(sight)
    st.dataframe(table, hide_index=True)
    st.caption(
        f"{sight.words} Agreement: the share of images to which a net gives the teacher’s answer. "
        f"KL(teacher ‖ net) at T = {sight.temperature:g}, mean over the images. ECE: expected "
        "calibration error, 15 bins, T = 1 (Guo et al. 2017)."
    )
    numbers_button(table, "what-distillation-changed")
    labels_N, names = sight.images.labels_N, sight.images.classes
    st.subheader("Can their confidence be believed?", anchor=False)
    nets = {role: reliability(z_NC, labels_N) for role, z_NC in sight.logits.items()}
    figure(reliability_figure(nets, palette()), "reliability")
    st.subheader("Which classes they confuse", anchor=False)
    counts = {role: confusion(z_NC, labels_N) for role, z_NC in sight.logits.items()}
    shown: list[Role] = [role for role in ("baseline", "distilled") if role in counts]
    columns = st.columns(3) if len(names) <= 10 else [st.container()] * 3
    for column, role in zip(columns, shown, strict=False):
        with column:
            st.markdown(role_label(role))
            figure(confusion_figure(counts[role], names, palette()), f"confusion_{role}")
    if len(shown) == 2:
        with columns[2]:
            st.markdown("**Distilled − baseline**")
            gap = counts["distilled"] - counts["baseline"]
            figure(confusion_difference_figure(gap, names, palette()), "confusion_gap")
    st.caption("Images by true class (row) and answer (column).")


def _figures(sight: Sight) -> pd.DataFrame:
    from tsexplorer.analysis.quality import quality

    z_t_NC, labels_N = sight.logits["teacher"], sight.images.labels_N
    rows = []
    for role, z_NC in sight.logits.items():
        one = quality(z_NC, z_t_NC, labels_N, sight.temperature)
        rows.append(
            {
                "Net": TITLES[role],
                "Accuracy (%)": round(100 * one.accuracy, 2),
                "Agreement with the teacher (%)": round(100 * one.agreement, 2),
                "KL to the teacher (nats)": round(one.divergence, 4),
                "ECE (%)": round(100 * one.ece, 2),
            }
        )
    return pd.DataFrame(rows)
