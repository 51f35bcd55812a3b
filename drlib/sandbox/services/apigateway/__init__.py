"""API Gateway.

integration  the call from an API to the function behind it
refusals     certificates that API Gateway refuses for a custom domain
guards       runs these checks before the emulator's functions
"""
