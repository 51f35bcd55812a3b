"""The command line: parse, call, print, exit. Exit codes are those of `drlib.errors`.

Each module adds its commands to the application when it is imported; their order is that of `drlib --help`.
"""

from drlib.cli import drills, sandboxes, reference, bundles, records, game_days  # noqa: I001 - the order of the help
from drlib.cli.app import app
from drlib.cli.entry import main

__all__ = ["app", "bundles", "drills", "game_days", "main", "records", "reference", "sandboxes"]
