"""What a cell displays.

output      table, line, verdict, progress bar, live output
checklist   named checks with a verdict each, and the hint that mends it
charts/     the figures
"""
