"""Read-only checks, each with a hint on how to make it green.

preflight          is this machine, this account, this configuration ready?
steady_state       every hop of a payment, and what must be true before a drill
standby            the deployed configuration that only a failover uses
incident           an incident as seen from the standby: assess, decide, message
planes             the proof that a failover called only data planes
troubleshoot       what each error and each failed check means, and how to fix it
waiting            waits until replicas and queues have caught up

One file for each subject: alarms, announcements, api_routes, data, failover_records, hops (one payment,
followed through every hop), network, parity, permissions.
"""
