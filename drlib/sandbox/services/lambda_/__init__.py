"""Lambda.

functions              creation and change of functions
processes              the number of processes of a function
archives               cache of unpacked function archives
timeouts               the timeout of a function that waits for a call
event_source_mappings  event source mappings and the permissions that they need
function_refusals      functions that Lambda refuses
mapping_refusals       event source mappings that Lambda refuses
"""
