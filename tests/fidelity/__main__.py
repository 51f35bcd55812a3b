"""Write the ledger, or check that it is up to date: `python -m tests.fidelity [--check]`."""

from __future__ import annotations

import sys

from tests.fidelity import ledger


def main(arguments: list[str]) -> int:
    """Return 0, or 1 after one sentence that says what is wrong."""
    try:
        text = ledger.render(ledger.collect())
    except ledger.BadLedger as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if "--check" not in arguments:
        ledger.LEDGER.write_text(text, encoding="utf-8")
        return 0
    if not ledger.LEDGER.exists() or ledger.LEDGER.read_text(encoding="utf-8") != text:
        name = ledger.LEDGER.relative_to(ledger.ROOT)
        sys.stderr.write(f"{name} is not what the tests say: run `python -m tests.fidelity`.\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
