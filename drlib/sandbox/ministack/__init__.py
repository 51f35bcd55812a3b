"""MiniStack, the emulator, and what is changed inside it.

emulator   its modules and values, checked before they are replaced
internals  its functions, with the signatures that they must have
patches    modelled time, no lost message, functions' processes
guards     puts a check in front of one of its functions
"""
