"""VPC: what a function in a network reaches.

egress             whether a function's call leaves its VPC
reachability       the ways: endpoints, routes, security groups
endpoints          VPC endpoints, as EC2 keeps them
endpoint_policies  what an endpoint's policy allows
security_groups    rules that name prefix lists
refusals           what EC2 refuses of a VPC endpoint
"""
