"""Named nets: one module for each net, or for a family from one publication."""
