"""python -m drlib.sandbox.provider ENDPOINT

Serves the provider until standard input closes, so that it ends with the process that started it. The first
line of output is its port.
"""

from __future__ import annotations

import sys

from drlib.sandbox.provider import serve


def main(endpoint_url: str) -> None:
    """Serve until standard input ends."""
    with serve(endpoint_url) as server:
        sys.stdout.write(f"{server.port}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1])
