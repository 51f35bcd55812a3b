"""The sandbox's endpoints.

aws_endpoint  the AWS APIs: applies faults and VPC rules, then calls the emulator
operations    the operation of a request, and whether it belongs to a data plane
edge          a region's public HTTPS endpoint: finds the API of a host name
control       the sandbox's control API, below /_drlib/
disconnects   whether the client of the current request is still connected
listener      listening sockets that can refuse, reset or hang
tls           certificates of the edges
"""
