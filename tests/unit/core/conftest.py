"""The fixtures of this folder's tests."""

from tests.fixtures_nowhere import here, home, no_sandbox, run, said

__all__ = ["here", "home", "no_sandbox", "run", "said"]
