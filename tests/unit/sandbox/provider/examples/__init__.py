"""An example of every type: what creates it, what changes it in place, what replaces it, what drifts.

`inputs` may make what the example needs through the engine; the engine clears it away afterwards. `change`
and `replacement` are merged into the inputs. `drift` changes the resource behind Pulumi's back, and
`drifted` names the input that must then differ. `also` names what AWS needs beside the required inputs.
"""

from __future__ import annotations

from .base import Example
from .compute import FUNCTIONS, ROLES
from .data import BUCKETS, TABLES
from .gateway import CERTIFICATES, GATEWAY
from .messages import MESSAGES
from .names import NAMES, WATCH
from .network import NETWORK

EXAMPLES: dict[str, Example] = {
    **NETWORK,
    **ROLES,
    **FUNCTIONS,
    **GATEWAY,
    **CERTIFICATES,
    **MESSAGES,
    **TABLES,
    **BUCKETS,
    **NAMES,
    **WATCH,
}

__all__ = ["EXAMPLES", "Example"]
