"""How the states that several pages show are drawn and worded: the class of the style, and the words."""

from typing import Final

STEP_STATES: Final = {
    "passed": ("good", "Passed"),
    "failed": ("bad", "Failed"),
    "skipped": ("calm", "Not asked"),
    "could-not-check": ("open", "Could not check"),
    "not-reached": ("calm", "Not reached"),
}
"""The states of a step of verification (`glasslog.verify.report.Status`)."""
