"""The server's process.

life              start, find and stop the sandbox from another process
state             the options, the status, and the files on disk
server            the server: one event loop for all listeners
addresses         the sockets of the control port, the edges and DNS
provider_process  the process of the Pulumi provider
"""
