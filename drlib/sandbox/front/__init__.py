"""What requests pass before a service answers.

aws_endpoint  the AWS APIs: whose request it is, for which region, and what a region that is down answers
operations    which operation a request asks for, and whether that is a data plane
edge          a region's public HTTPS endpoint, from a name to the API behind it
control       the sandbox's own controls, below /_drlib/
disconnects   whether the client of the request under way still waits
listener      sockets that can fail as a region's do
tls           certificates of the edges
"""
