"""The base class of results that a cell displays."""

from __future__ import annotations

import html as html_module


class Shown:
    """A result with a plain text, `str()`, and an `html()` for the reader.

    nbval compares the plain text, so it must not vary between two good runs. Only the html may vary.
    """

    def html(self) -> str:
        """Return the html; by default, the plain text."""
        return html_module.escape(str(self))

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self.html()}
