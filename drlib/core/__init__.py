"""The lowest layer: modules that every other package may import.

errors      all errors, each with its exit code and its remedy
clock       modelled time; no other module reads the wall clock
files       atomic writes
redaction   masks identities and secrets in every output
samples     raw measurements in Parquet files, with their origin
aws_calls   records every AWS call with its plane (data or control) and its purpose
terms       the words for the stages of a recovery and the counts of payments
limits      the allowed values of each parameter
"""
