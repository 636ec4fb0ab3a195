"""Figures: data in, figure out; pure. The numbers are typed tuples, the drawing is dull."""
