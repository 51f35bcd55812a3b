"""SQS and SNS.

queues        queues, made and changed
dead_letters  what SNS cannot deliver to a queue
refusals      what SQS refuses of a queue
"""
