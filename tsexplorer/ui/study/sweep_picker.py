"""Which map the page shows: a sweep of one's own or a finding that ships; and to be rid of one."""

from __future__ import annotations

import streamlit as st

from tsexplorer.errors import UserError
from tsexplorer.published.maps import Shipped, get_finding, shipped, shipped_names
from tsexplorer.services.service import ACTIVE, Service
from tsexplorer.services.sweep_results import SweepSnapshot
from tsexplorer.ui.app_state import sentences
from tsexplorer.ui.theme import escaped
from tsexplorer.ui.url_state import FINDING, SWEEP

KIND, SHOWN, SHIPPED = "sweep.kind", "sweep.shown", "sweep.finding"
AT = "sweep.at"
"""What the URL was made to name last: parameter and value."""
KINDS = {SWEEP: "Your maps", FINDING: "Findings that ship"}


def choice(service: Service) -> SweepSnapshot | Shipped | None:
    """Select boxes of all sweeps and, apart, of the findings; the URL follows.

    The newest sweep comes first, the first finding where nothing was swept yet; None where there
    is neither.
    """
    sweeps = {one.id: one for one in service.sweeps.all()}
    findings = shipped_names()
    _adopt(service, bool(sweeps))
    kind = _kind(bool(sweeps), bool(findings))
    if kind == SWEEP:
        chosen = _sweep(service, sweeps)
        _name(SWEEP, chosen)
        return sweeps[chosen]
    if kind == FINDING:
        chosen = _finding(findings)
        _name(FINDING, chosen)
        return shipped(chosen)
    return None


def _adopt(service: Service, swept: bool) -> None:
    """Take the map from the URL, unless it stands there because we wrote it."""
    kind = SWEEP if SWEEP in st.query_params else FINDING  # a sweep just started comes beside it
    asked = st.query_params.get(kind)
    drawn = SHOWN in st.session_state or SHIPPED in st.session_state
    if asked is None or (drawn and st.session_state.get(AT) == (kind, asked)):
        return
    try:
        if kind == SWEEP:
            st.session_state[SHOWN] = service.sweeps.one(asked).id
        else:
            st.session_state[SHIPPED] = shipped(asked).finding.name
    except UserError as error:
        instead = "the newest" if swept else "a finding that ships"
        st.warning(f"{escaped(str(error))} Shown instead: {instead}.", icon=":material/link_off:")
        del st.query_params[kind]
    else:
        st.session_state[KIND] = kind


def _kind(swept: bool, ships: bool) -> str | None:
    """Sweeps or findings; asked only where there are both."""
    if not (swept and ships):
        return SWEEP if swept else FINDING if ships else None
    st.session_state.setdefault(KIND, SWEEP)
    chosen: str | None = st.segmented_control(
        "Maps",
        list(KINDS),
        key=KIND,
        format_func=KINDS.__getitem__,
        label_visibility="collapsed",
        required=True,
    )
    return chosen


def _sweep(service: Service, sweeps: dict[str, SweepSnapshot]) -> str:
    if st.session_state.get(SHOWN) not in sweeps:
        st.session_state[SHOWN] = next(iter(sweeps))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen: str = st.selectbox(
            "Sweep",
            list(sweeps),
            key=SHOWN,
            format_func=lambda key: sweeps[key].name,
        )
        _delete(service, sweeps[chosen])
    return chosen


def _finding(names: tuple[str, ...]) -> str:
    if st.session_state.get(SHIPPED) not in names:
        st.session_state[SHIPPED] = names[0]
    chosen: str = st.selectbox(
        "Finding that ships",
        names,
        key=SHIPPED,
        format_func=lambda name: get_finding(name).title,
    )
    return chosen


def _name(kind: str, chosen: str) -> None:
    """Make the URL name what is shown, and nothing else."""
    other = FINDING if kind == SWEEP else SWEEP
    st.query_params.pop(other, None)
    st.query_params[kind] = chosen
    st.session_state[AT] = (kind, chosen)


def _delete(service: Service, sweep: SweepSnapshot) -> None:
    if sweep.status in ACTIVE:
        return
    with st.popover("Delete", icon=":material/delete:"):
        st.markdown("The sweep and the weights that nothing else uses are removed.")
        if st.button("Delete for good", key=f"delete_{sweep.id}", type="primary"):
            with sentences():
                service.sweeps.delete(sweep.id)
                st.query_params.pop(SWEEP, None)
                st.session_state.pop(SHOWN, None)
                st.rerun()
