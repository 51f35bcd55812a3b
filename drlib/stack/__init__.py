"""The stack, by Pulumi.

stack         plan, up, current, drift, destroy, leftovers
engine        one command of the Pulumi engine at a time
plan          what the engine means to do, resource by resource
events        the engine's events, step by step
failure       an engine's failure as one sentence with its remedy
leftovers     what is still there of a stack, whatever the state says
pulumi_cli    the Pulumi command line tool: `python -m drlib.stack.pulumi_cli` installs it
install_job   a long command of that installation
program/      the Pulumi program, one component a file
rules/        what planned resources must satisfy
"""
