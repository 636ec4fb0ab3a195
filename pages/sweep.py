"""The former address of maps: opens them on the page Tune."""

import streamlit as st

from tsexplorer.ui.router import path_of
from tsexplorer.ui.study.picker import KIND

st.session_state[KIND] = "sweep"
st.switch_page(path_of("tune"), query_params=st.query_params.to_dict())
