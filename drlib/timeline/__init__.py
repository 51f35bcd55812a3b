"""The timeline of a failover: predicted, watched, measured.

prediction      the RTO that the deployed configuration leads to
tuning          which setting would bring it within its target
impact          what a scenario does to health checkers and to clients
client_switch   when clients turn to the standby
watcher         watches the public name and its clients until they have moved
poller          asks for the health check and the public name, in a thread of its own
observations    what was seen: events, attempts, results of checks
stored          the same, stored with the run
recovery        the measured RTO and its stages
effects         what followed a fault, for the judgement of its hypothesis
"""
