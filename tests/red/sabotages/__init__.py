"""What an operator can do to a stack that is well, by area. The last area takes the longest way back."""

from tests.red.sabotages import data, functions, messages, network, switch, takeover, watch

CASES = [
    *switch.CASES,
    *functions.CASES,
    *messages.CASES,
    *network.CASES,
    *data.CASES,
    *watch.CASES,
    *takeover.CASES,
]
