"""Measure speed and memory on this machine: ``python -m tests.benchmarks`` (or ``make bench``).

A module of this folder that defines ``BENCHMARK`` (one or a tuple) is found by itself. These are no
tests, because their figures depend on the machine.
"""
