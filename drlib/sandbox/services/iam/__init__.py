"""IAM.

policies        policies, within IAM's grammar and sizes
permissions     what a role may do, and who may assume it
condition_keys  condition keys that the emulator does not know
refusals        what IAM refuses of policies
"""
