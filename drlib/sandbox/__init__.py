"""The sandbox: AWS regions in one local background process, on loopback only, without Docker.

process/    the server's process: start, find and stop it; its sockets and its files
front/      the endpoints: AWS APIs, each region's edge, TLS, the sandbox's control API
ministack/  the emulator, and the patches to it
faults/     regions that are down, impairments, and deliveries between regions
services/   each AWS service: behaviour and refusals that the emulator lacks
provider/   the Pulumi `aws` provider for this AWS
world.py    the shared state: clock, regions, faults, event log

`process.life` has `up`, `down` and `status`. After a `down`, the next `up` starts an empty sandbox.
`FIDELITY.md` lists which behaviour follows AWS's documentation, which is approximated, and which is missing.
"""
