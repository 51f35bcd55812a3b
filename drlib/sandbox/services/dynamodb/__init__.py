"""DynamoDB.

global_tables  replication between regions: eventually consistent, last writer wins
refusals       requests on a global table that DynamoDB refuses
guards         runs these checks before the emulator's functions
"""
