"""CloudWatch.

alarms              their evaluation
aws_metrics         the metrics that AWS publishes by itself
alarm_refusals      what CloudWatch refuses of an alarm
dashboard_refusals  what CloudWatch refuses of a dashboard
guards              puts these checks in front of the emulator's functions
"""
