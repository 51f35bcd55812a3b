"""The command line: parse, call, print, exit. Exit codes are those of `drlib.core.errors`.

main       the entry point: every error is one plain sentence on stderr, and its exit code
app        the application and the options that commands share
commands   all groups of commands, in the order of `drlib --help`

One file a group: drill, sandbox, reference, evidence, history, faults.
"""
