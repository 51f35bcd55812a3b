"""The outputs of a notebook cell.

output      table, line, verdict, progress bar, live output
checklist   checks, each with its status and a hint
charts/     the figures
"""
