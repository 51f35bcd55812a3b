"""ACM.

certificates  DNS validation: pending, then issued
"""
