"""MiniStack, the emulator, and the patches to it.

emulator   checks and replaces attributes of its modules
internals  finds its functions and checks their signatures
patches    modelled time, no lost messages, functions' processes
guards     adds a check before one of its functions
"""
