"""Records in words: what each type says to a person, as lines of a label and a text.

Nothing here is escaped or cut to the width of a screen: that is for those who print. The number of lines is bounded,
and lists within a line are cut. `--json` shows everything.
"""

from glasslog.cli.rendering.record import LINES_MAX, render
from glasslog.cli.rendering.words import Line

__all__ = ["LINES_MAX", "Line", "render"]
