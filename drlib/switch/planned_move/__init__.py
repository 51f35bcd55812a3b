"""A planned move of the active role to the other region: nothing lost, doubled, or refused outside the fence.

    move = prepare.plan(here, deployment)
    prepare.ready(here, deployment, move).require()
    fence = acts.fence(here, deployment, run, approval, move)
    at_rest = rest.at_rest(here, deployment, move, fence)
    flip = acts.flip(here, deployment, run, approval, move, at_rest)
    watch = acts.watch(here, deployment, prober, move, fence)
    opened = acts.lift(here, deployment, run, approval, move)
    outcome = result.outcome(move, fence, flip, watch, opened, prober.ledger)
    result.verdict(outcome, planes.planes_proof(here, deployment, planned=True))

All of it is data plane, in the two regions. A move that stopped half-way is known by its fence, and is mended
by beginning again.
"""
