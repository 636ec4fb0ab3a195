"""Chunks on other machines: joblib over a Dask cluster, by its address."""
