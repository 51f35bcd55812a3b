"""The fixtures of this folder's tests."""

from tests.unit.world_fixtures import approval, authority, aws, deployment, here, run

__all__ = ["approval", "authority", "aws", "deployment", "here", "run"]
