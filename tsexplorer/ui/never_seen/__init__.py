"""The parts of the page Never seen."""
