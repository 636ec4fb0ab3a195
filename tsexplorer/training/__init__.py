"""Training one stage: the loop, events out, control in, checkpoints."""
