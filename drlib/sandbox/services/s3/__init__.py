"""S3.

replication  replication of objects between regions
refusals     replication requests that S3 refuses
guards       runs these checks before the emulator's functions
"""
