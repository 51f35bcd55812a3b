"""CloudWatch.

alarms              evaluation of alarms
aws_metrics         the metrics that AWS services publish
alarm_refusals      alarms that CloudWatch refuses
dashboard_refusals  dashboards that CloudWatch refuses
guards              runs these checks before the emulator's functions
"""
