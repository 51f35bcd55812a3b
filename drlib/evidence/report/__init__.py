"""report.html: the evidence of a run as one self-contained page.

page      the page, from page.html.j2 and style.css
events    the events of a run, in the order of time
regions   availability by region

The page is plain HTML and CSS: no script, and no external font or picture. No information is given by colour
alone.
"""
