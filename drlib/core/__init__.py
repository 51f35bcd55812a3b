"""What all else stands on.

errors      every error, with its exit code and its remedy
clock       modelled time; no other module reads the wall's
files       files that are written whole, or not at all
redaction   what is masked before anybody sees it
samples     raw measurements as parquet files, each stamped with its origin
aws_calls   every AWS call with its plane (data or control) and its purpose
terms       the stages of a recovery and the counts of payments, in words
limits      the values that single parameters may have
"""
