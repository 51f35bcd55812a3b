"""DynamoDB.

global_tables  replication between regions: eventually consistent, last writer wins
refusals       what DynamoDB refuses of a global table
guards         puts these checks in front of the emulator's functions
"""
