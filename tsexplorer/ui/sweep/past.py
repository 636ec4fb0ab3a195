"""Which sweep the page shows: from the URL, else the newest; and to be rid of one."""

from __future__ import annotations

import streamlit as st

from tsexplorer.errors import NotFoundError
from tsexplorer.service import ACTIVE, Service
from tsexplorer.sweeping import SweepSnapshot
from tsexplorer.ui.process import sentences
from tsexplorer.ui.state import SWEEP
from tsexplorer.ui.theme import escaped

SHOWN = "sweep.shown"


def choice(service: Service) -> SweepSnapshot | None:
    """A select box of all sweeps; the URL follows. None where nothing was swept yet."""
    sweeps = {one.id: one for one in service.sweeps.all()}
    _adopt(service, sweeps)
    if not sweeps:
        return None
    if st.session_state.get(SHOWN) not in sweeps:
        st.session_state[SHOWN] = next(iter(sweeps))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Sweep",
            list(sweeps),
            key=SHOWN,
            format_func=lambda key: sweeps[key].name,
        )
        _delete(service, sweeps[chosen])
    st.query_params[SWEEP] = chosen
    return sweeps[chosen]


def _adopt(service: Service, sweeps: dict[str, SweepSnapshot]) -> None:
    """Take the sweep from the URL; one that is not there is said."""
    asked = st.query_params.get(SWEEP)
    if asked is None or asked == st.session_state.get(SHOWN):
        return
    try:
        found = service.sweeps.one(asked)
    except NotFoundError as error:
        shown = " Shown instead: the newest." if sweeps else ""
        st.warning(f"{escaped(str(error))}{shown}", icon=":material/link_off:")
        del st.query_params[SWEEP]
    else:
        st.session_state[SHOWN] = found.id


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
