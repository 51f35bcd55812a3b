"""What a test asks of the result of several checks."""


def failed_ids(made):
    return [row.id for row in made.failed]
