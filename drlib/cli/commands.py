"""All commands. Each module adds its own when it is imported; their order is that of `drlib --help`."""

from drlib.cli import drill, sandbox, reference, evidence, history, faults  # noqa: F401, I001 - the help's order
