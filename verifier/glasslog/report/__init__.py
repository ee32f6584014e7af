"""The report of an audit: what was proven of a log, what was found, and what records there are for which control.

It is made from the outcome of an audit (`audit.json`) and repeats nothing of it that was not verified there.

- `kinds` counts records by their kind, where a control asks for one: evaluations of bias, appeals
- `controls` reads the files that map the controls of a framework to records and checks, `controls.toml` first
- `coverage` says of each control whether there are records for it: sufficient, insufficient or absent
- `statements` says in words what was looked at, what was not, and what no log can show
- `document` puts the report together, `pictures` draws it, `page` makes the HTML

Nothing here judges whether anybody keeps a law.
"""

from glasslog.report.controls import FRAMEWORKS_SCHEMA, Framework, builtin_frameworks, decode_frameworks
from glasslog.report.document import REPORT_SCHEMA, report_of
from glasslog.report.kinds import count_kinds
from glasslog.report.page import page_of

__all__ = [
    "FRAMEWORKS_SCHEMA",
    "REPORT_SCHEMA",
    "Framework",
    "builtin_frameworks",
    "count_kinds",
    "decode_frameworks",
    "page_of",
    "report_of",
]
