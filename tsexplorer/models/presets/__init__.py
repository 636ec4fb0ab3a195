"""Named nets: one file each, or a family that was published together."""
