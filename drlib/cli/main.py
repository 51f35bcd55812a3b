"""The entry point: every error is one plain sentence on stderr, and its exit code."""

from __future__ import annotations

import sys

import typer

from drlib.cli import commands  # noqa: F401
from drlib.cli.app import app
from drlib.core import redaction
from drlib.core.errors import HANDBOOK, BadParameters, DrError

INTERRUPTED = 5
TYPER_INTERRUPTED = 130  # the code that typer returns after Ctrl-C


def main() -> None:
    """Run the command line. Every error is one plain sentence on stderr, and its exit code."""
    sys.excepthook = redaction.excepthook
    try:
        code = app(standalone_mode=False, prog_name="drlib", args=_paired(sys.argv[1:]))
        if code == TYPER_INTERRUPTED:
            raise KeyboardInterrupt
    except DrError as error:
        sys.stderr.write(f"{error}{_reference(error)}\n")
        code = error.exit_code
    except typer.TyperException as error:
        text = error.format_message()
        hint = "" if "\n" in text else " `drlib --help` lists the commands."
        sys.stderr.write(redaction.mask(f"{text}{hint}\n"))
        code = BadParameters.exit_code
    except (KeyboardInterrupt, typer.Abort):
        sys.stderr.write("Interrupted. If a fault was in force, `drlib restore` ends it.\n")
        code = INTERRUPTED
    sys.exit(code)


def _reference(error: DrError) -> str:
    """Return a reference to the explanation of an error, unless the error contains one."""
    return "" if HANDBOOK in str(error) else f" See {error.see}."


def _paired(arguments: list[str]) -> list[str]:
    """Join `-p NAME VALUE` to one argument, so that an option of two values can be given many times."""
    joined: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        joined.append(argument)
        if argument in ("-p", "--parameter"):
            joined.append(
                "\0".join(text for text in (next(rest, None), next(rest, None)) if text is not None)
            )
    return joined
