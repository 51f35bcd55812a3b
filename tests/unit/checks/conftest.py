"""The fixtures of this folder's tests."""

from tests.fixtures_two_regions import approval, authority, aws, deployment, here, run

__all__ = ["approval", "authority", "aws", "deployment", "here", "run"]
