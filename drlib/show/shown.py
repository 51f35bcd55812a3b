"""What a result needs to show itself in a cell."""

from __future__ import annotations

import html as html_module


class Shown:
    """A result that a cell displays: its plain text is `str()`, and `html()` is what a person sees.

    nbval compares the plain text, so it must not vary between two good runs. What varies is in the html.
    """

    def html(self) -> str:
        """Return the html; by default, the plain text."""
        return html_module.escape(str(self))

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self.html()}
