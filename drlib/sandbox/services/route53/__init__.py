"""Route 53.

zones          resolution of names: records, aliases, failover
dns            the DNS server
health_checks  the health checkers and their schedule
checker        one check by one checker
check_targets  the address, port, name and path of a health check
evaluation     the status of a health check, from the checkers' results
status_board   shared statuses, observations and alarm data
control_plane  the API: health checks, zones, and operations that the emulator lacks
refusals       requests that Route 53 refuses
"""
