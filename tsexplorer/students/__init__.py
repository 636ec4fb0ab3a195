"""Train many students at once: in chunks, stacked on one device or spread over a cluster."""
