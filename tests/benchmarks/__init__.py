"""Speed and memory, measured on this machine: ``python -m tests.benchmarks`` (or ``make bench``).

A module of this folder that defines ``BENCHMARK`` (one, or a tuple) adds to the list; no other
file changes. Nothing here is a test: a figure that depends on the machine must not fail one.
"""
