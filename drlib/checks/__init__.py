"""Read-only checks, each with the hint that mends it.

preflight          is this machine, this account, this configuration ready?
steady_state       every hop of a payment, and what must be true before a drill
standby            what stands ready for a failover
incident           an incident, seen from the standby's side: assess, decide, message
planes             moving the traffic needed data planes alone
troubleshoot       what each error and each failed check means, and its cure

One file a subject: alarms, announcements, api_routes, data, failover_records, hops (one payment, followed
through every hop), network, parity, rights.
"""
