"""Training of one net: loop, events, control, checkpoints."""
