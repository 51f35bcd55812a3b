"""IAM.

policies        checks of policies before they are stored
permissions     permissions and trust policies of roles
condition_keys  condition keys that the emulator does not support
refusals        policies that IAM refuses
"""
