"""AWS, locally: two regions or more in one background process, on loopback only, without Docker.

`up` starts it and `down` ends it; between the two, `status` says where everything listens. A new `up` after a
`down` is a new, empty world. See `drlib.sandbox.life` for the life of the process, `drlib.sandbox.server` for
what runs in it.
"""

from drlib.sandbox.life import down, status, up
from drlib.sandbox.state import Status

__all__ = ["Status", "down", "status", "up"]
