"""Imports all commands, in the order of `drlib --help`."""

from drlib.cli import drill, sandbox, reference, evidence, history, faults  # noqa: F401, I001 - the help's order
