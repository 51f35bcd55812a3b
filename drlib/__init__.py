"""Verbs of the disaster-recovery runbooks: a thin layer over Pulumi Automation and boto3."""

__version__ = "0.1.0"
