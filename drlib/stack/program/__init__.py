"""The Pulumi program: two regions, active-passive, one component in each file.

Only `drlib.stack.stack` imports these modules, and only to run a program: `pulumi_aws` takes seconds to load.
"""
