"""report.html: a run's evidence as one page that needs nothing beside it.

page      the page, from page.html.j2 and style.css
events    what happened in a run, in the order of time
regions   availability by region

The page is plain HTML and style: no script, no font, no picture from elsewhere. What a colour says, a word
says too.
"""
