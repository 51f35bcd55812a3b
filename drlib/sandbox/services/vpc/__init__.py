"""VPC: the AWS services that a function in a VPC can reach.

egress             whether a function's call leaves its VPC
reachability       network paths: endpoints, routes, security groups
endpoints          VPC endpoints, as EC2 stores them
endpoint_policies  enforcement of endpoint policies
security_groups    rules that name prefix lists
refusals           VPC endpoints that EC2 refuses
"""
