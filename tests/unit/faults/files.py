"""A fault, and the file that it is restored from."""

from drlib.faults.restore import Fault, Filed
from tests.two_regions import PRIMARY


def fault(here, **changes):
    facts = {
        "fault_id": "run-1-test",
        "scenario": "region-outage",
        "region": PRIMARY,
        "what": "a test",
        "at": here.clock.now(),
        "deadline": here.clock.now() + 900.0,
        "target": "sandbox",
        "instance_id": here.instance_id,
        "run_id": "run-1",
        "state": "in force",
    }
    return Fault(**facts | changes)


def filed(here, *undo, **changes):
    return Filed(fault(here, **changes), undo, here.settings.values()).write()


def heal(name):
    return {"do": "heal", "name": name}
