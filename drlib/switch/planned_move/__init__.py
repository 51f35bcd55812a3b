"""A planned move of the active role to the other region, without a lost or doubled payment.

    move = prepare.plan(here, deployment)
    prepare.ready(here, deployment, move).require()
    fence = acts.fence(here, deployment, run, approval, move)
    at_rest = rest.at_rest(here, deployment, move, fence)
    flip = acts.flip(here, deployment, run, approval, move, at_rest)
    watch = acts.watch(here, deployment, prober, move, fence)
    opened = acts.lift(here, deployment, run, approval, move)
    outcome = result.outcome(move, fence, flip, watch, opened, prober.ledger)
    result.verdict(outcome, planes.planes_proof(here, deployment, planned=True))

All calls go to data planes of the two regions. The fence shows a move that stopped half-way; run the same
steps again to finish it.
"""
