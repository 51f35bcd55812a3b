"""The timeline of a failover: predicted, watched, measured.

prediction      the predicted RTO of the deployed configuration
tuning          which setting would bring the predicted RTO within its target
impact          how a scenario affects health checkers and clients
client_switch   when the clients of each cohort switch to the standby, by simulation
watcher         watches the public name and the clients until they have moved
poller          polls the health check and the public name in background threads
observations    what a watch saw: events, attempts, results of checks
stored          writes a watch into the run's folder, and reads it again
recovery        the measured RTO and its stages
effects         what followed a fault, as input for the judgement of the hypothesis
"""
