"""What the tuning suggests, how sure it is, and the way to make it an experiment."""

from __future__ import annotations

import streamlit as st

from tsexplorer.objectives.base import format_number
from tsexplorer.plots.grid_metrics import in_words
from tsexplorer.services import Service
from tsexplorer.studies.tuning.kind import TuningResults
from tsexplorer.studies.tuning.suggestion import how_sure, lead_in_words, setting_in_words
from tsexplorer.ui.app_state import sentences
from tsexplorer.ui.study.cell import links

ADOPTED = "tune.adopted"


def suggestion_view(service: Service, figures: TuningResults) -> None:
    """The suggestion, once the best settings are repeated."""
    suggestion = figures.repeats.suggestion
    if suggestion is None:
        return
    spec, found = figures.tune.spec, figures.repeats.map
    result = suggestion.result
    seeds = ", ".join(map(str, spec.repeat_seed_values))
    with st.container(border=True, key="suggestion"):
        st.subheader("The suggestion", anchor=False)
        st.markdown(
            f"**{setting_in_words(result.cell, spec)}**: **{in_words(result.accuracy)}** on "
            f"validation; test accuracy **{in_words(suggestion.test)}**, read once, after the "
            "choice."
        )
        st.markdown(how_sure(suggestion, spec))
        means = "–" if result.gap_of_means is None else f"{100 * result.gap_of_means:.0f} %"
        rate = "" if found.baseline_rate is None else format_number(found.baseline_rate)
        tried = len(spec.baseline_rates)
        best = f"at the best of {tried} learning rates, {rate}" if tried > 1 else f"at {rate}"
        lines = {
            f"Baseline (labels alone, {best})": in_words(found.baseline),
            "Lead over it": lead_in_words(suggestion),
            "Gap closed": f"{in_words(result.gap)}; of mean accuracies {means}",
            "Teacher": in_words(found.teacher),
        }
        st.markdown("\n".join(f"- {name}: {words}" for name, words in lines.items()))
        _others(figures)
        st.caption(
            f"Seeds {seeds}, which the search never saw; accuracies without a name of their split "
            "are on validation. Intervals are 95 %; that of the lead alone allows for the choice "
            "among the settings repeated."
        )
        _adopt(service, figures)


def _others(figures: TuningResults) -> None:
    suggestion, spec = figures.repeats.suggestion, figures.tune.spec
    if suggestion is None or not suggestion.others:
        return
    near = {one.cell for one in suggestion.near}
    with st.expander("The other settings repeated", icon=":material/format_list_bulleted:"):
        st.markdown(
            "\n".join(
                f"- {setting_in_words(one.cell, spec)}: {in_words(one.accuracy)}"
                f"{'; cannot be told apart' if one.cell in near else ''}"
                for one in suggestion.others
            )
        )


def _adopt(service: Service, figures: TuningResults) -> None:
    adopted: dict[str, str] = st.session_state.setdefault(ADOPTED, {})
    key = figures.tune.id
    if key in adopted:
        with sentences():
            links(service.experiment(adopted[key]))
        return
    if st.button("Make it an experiment", key="adopt", icon=":material/science:"):
        with sentences():
            adopted[key] = service.studies.make_experiment(key).id
            st.rerun()
    st.caption("The experiment has seed 0, on which the setting was found.")
