"""ACM.

certificates  validation by DNS: pending, then issued
"""
