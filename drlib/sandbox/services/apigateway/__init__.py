"""API Gateway.

integration  how an API calls the function behind it
refusals     what API Gateway refuses of a custom domain's certificate
guards       puts these checks in front of the emulator's functions
"""
