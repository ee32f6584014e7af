"""Pages for people: self-contained HTML that can be kept, sent, printed and read without trust in whoever made it.

`rendering` makes a page from a packaged template, `charts` draws numbers as inline SVG in the page's style. What a page
says is for others to decide: this package knows no record, no log and no verdict.
"""

from glasslog.pages.rendering import marked, render, visible

__all__ = ["marked", "render", "visible"]
