import streamlit as st

from tsexplorer.ui.entry import SCRIPT, lifespan

app = st.App(SCRIPT, lifespan=lifespan)
