"""The Pulumi program: two regions, active-passive, one component a file.

Only `drlib.stack.stack` imports these modules, and only when a program is to run: `pulumi_aws` takes seconds
to load.
"""
