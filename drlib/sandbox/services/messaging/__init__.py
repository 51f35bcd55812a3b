"""SQS and SNS.

queues        creation and change of queues
dead_letters  dead-letter queues of SNS subscriptions
refusals      queues that SQS refuses
"""
