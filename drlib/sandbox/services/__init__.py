"""Corrections to the emulator where it differs from AWS: one package for each service.

route53     zones, DNS, health checks, the control plane
cloudwatch  alarms, and the metrics that AWS publishes
dynamodb    global tables
s3          replication between regions
lambda_     functions, their processes and timeouts, event source mappings
iam         policies, condition keys, the permissions of a role
messaging   SQS and SNS: queues, dead letters
vpc         endpoints, security groups, the network path of a function
acm         certificates
apigateway  an API and the function behind it

The module `refusals` of a service contains the requests that AWS refuses and the emulator accepts, each with
its rule and source.
"""
