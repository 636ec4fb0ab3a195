"""The old address of maps, which are on the page Tune now."""

import streamlit as st

from tsexplorer.ui.router import path_of
from tsexplorer.ui.study.picker import KIND

st.session_state[KIND] = "sweep"
st.switch_page(path_of("tune"), query_params=st.query_params.to_dict())
