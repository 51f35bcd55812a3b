"""Runbooks without a person.

drill             all runbooks in order
notebook          one runbook, headless, with strict parameters
parameters_cell   a runbook's file and the parameters that it takes
kernels           kernels that are started ahead
resume            what a cut-off run has done, verified before it goes on
"""
