"""The figures of a drill, each with its table: the same data for a person, a screen reader and a test.

payments    successes by region over time, with the events of the drill
health      the results of each Route 53 checker over time
waterfall   the stages of the RTO, measured beside predicted
lag         replication lag and backlog, with gaps where there is no data
outcomes    how the attempts of each cohort ended
trend       RTO by stage and RPO, from run to run
"""
