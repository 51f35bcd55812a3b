"""Headless runs of the runbooks.

drill             all runbooks in order
notebook          one runbook, headless, with strict parameters
parameters_cell   a runbook's file and the parameters that it takes
kernels           kernels that are started in advance
lab               notebooks in JupyterLab: open and save without a change
resume            verifies the steps of an interrupted run before it continues
"""
