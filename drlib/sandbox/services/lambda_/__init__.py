"""Lambda.

functions              functions, made and changed
processes              how many processes one function has
archives               functions' archives, unpacked once
timeouts               the timeout of a function that waits
event_source_mappings  event source mappings, and the rights that they need
function_refusals      what Lambda refuses of a function
mapping_refusals       what Lambda refuses of an event source mapping
"""
