"""Analysis of trained nets: outputs, soft targets, calibration, statistics over seeds, latency."""
