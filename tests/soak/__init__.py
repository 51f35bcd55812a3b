"""Many drills in a row, each counted twice: by the code under test, and from the sandbox's own record."""
