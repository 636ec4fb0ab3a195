"""What recipes come to: figures that ship, figures measured here, and what a run will cost.

A shipped result is one file in ``assets/results``, named after its recipe. It has the experiment's
whole spec, each seed's figures, machine and date, and the command that gives them again.
"""
