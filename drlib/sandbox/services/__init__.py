"""AWS services, where the emulator differs from AWS. One package a service.

route53     zones, DNS, health checks, the control plane
cloudwatch  alarms, and the metrics that AWS publishes
dynamodb    global tables
s3          replication between regions
lambda_     functions, their processes and timeouts, event source mappings
iam         policies, condition keys, what a role may do
messaging   SQS and SNS: queues, dead letters
vpc         endpoints, security groups, what a function reaches
acm         certificates
apigateway  an API and the function behind it

`refusals` of a service say what AWS refuses and the emulator takes, each with the rule that it comes from.
"""
