"""S3.

replication  copies of objects between regions
refusals     what S3 refuses of a replication
guards       puts these checks in front of the emulator's functions
"""
