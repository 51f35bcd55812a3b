"""The server's process.

life              start, find and end the sandbox, from outside
state             its options, its status, and its files on disk
server            what runs in the process: one loop for all that listens
addresses         the sockets: control port, edges, DNS
provider_process  the process of the Pulumi provider
"""
