"""Route 53.

zones          what names resolve to: records, aliases, failover
dns            the name server
health_checks  the health checkers: who checks what, and when
checker        one check by one checker
check_targets  the address, port, name and path that a health check asks
evaluation     from checkers' results to the status of a health check
status_board   statuses, observations and alarm data, for all who read them
control_plane  the API: health checks, zones, what the emulator lacks
refusals       what Route 53 refuses
"""
