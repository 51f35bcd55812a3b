"""AWS, locally: two regions or more in one background process, on loopback only, without Docker.

process/    the server's process: start, find and end it; what it listens on and leaves on disk
front/      what requests pass first: the AWS endpoint, each region's edge, TLS, the sandbox's own controls
ministack/  the emulator, and what is changed inside it
faults/     regions that are down, impairments, and what is on its way between regions meanwhile
services/   how each AWS service behaves where the emulator differs from AWS, and what it refuses
provider/   the Pulumi `aws` provider for this AWS
world.py    what all of them share: clock, regions, faults, the log of what happened

`process.life` has `up`, `down` and `status`. A new `up` after a `down` is a new, empty world. `FIDELITY.md`
lists what is done as AWS documents it, what is approximated, and what is not modelled.
"""
