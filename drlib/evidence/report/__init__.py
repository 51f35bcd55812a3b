"""report.html: a run's evidence as one page that needs nothing beside it.

The page is plain HTML and style: no script, no font, no picture from elsewhere. It reads on a phone and on
paper, and everything that a colour says, a word says too.
"""

from drlib.report.page import FIDELITY, FIGURES, MEANINGS, REPORT, render, write

__all__ = ["FIDELITY", "FIGURES", "MEANINGS", "REPORT", "render", "write"]
