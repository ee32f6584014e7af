"""What the replay found: checks that were made entry by entry, with the keys and the tree, before the facts were kept.

The replay (the mirror's engine) verifies every entry and hands what it refuses to the database under the ids of these
checks; here it is only given out again. The scope's window, issuers and systems leave none of it out: an entry that was
refused has no record that could be trusted to say when and of what it is. With `since`, what concerns earlier entries
is left out, and what concerns no entry is told each time.
"""

import json
from collections.abc import Iterator
from functools import partial
from typing import Final

from glasslog.audit.check import Check, Examination
from glasslog.audit.finding import Finding, Severity
from glasslog.audit.view import View


def _run(check: str, view: View) -> Examination:
    count = view.value("SELECT count(*) FROM entries WHERE entry >= :since")
    return Examination("entries", _find(view, check), count)


def _find(view: View, check: str) -> Iterator[Finding]:
    rows = view.rows(
        """
        SELECT f.severity, f.message, f.entries, f.issuer, f.system, f.subject, f.start, f.stop
        FROM findings f WHERE f."check" = :check AND (f.first_entry IS NULL OR f.first_entry >= :since)
        ORDER BY f.first_entry, f.rowid
        """,
        check=check,
    )
    for severity, message, entries, *about, start, end in rows:
        issuer, system, subject = about
        shown = tuple(json.loads(entries))
        count = max(1, len(shown))
        yield Finding(check, Severity(severity), message, shown, issuer, system, subject, count, start, end)


def _replayed(id_: str, title: str, section: str, proves: str, cannot: str) -> Check:
    return Check(id_, title, section, Severity.CRITICAL, proves, cannot, partial(_run, id_))


TREE: Final = _replayed(
    "tree",
    "Every entry is in the signed tree",
    "RFC 9162 section 2.1; C2SP tlog-tiles",
    "The entries are the ones that the log's signed tree head commits to, in this order, none left out.",
    "That the log shows the same tree to everybody: compare its checkpoints with those that others have seen.",
)
CONSISTENCY: Final = _replayed(
    "consistency",
    "The tree only ever grew",
    "RFC 9162 section 2.1.4; C2SP tlog-checkpoint",
    "Every checkpoint and tree head that this audit has seen is a beginning of the tree that was verified.",
    "Anything about checkpoints that nobody kept.",
)
SIGNATURE: Final = _replayed(
    "signature",
    "Every entry is signed by the key it names",
    "RFC 9052 section 4.4; RFC 9943",
    "Nobody but the holder of the key has made the statement, and it was not changed since.",
    "That what was signed is true.",
)
AUTHORITY: Final = _replayed(
    "authority",
    "Every signer was registered before, and valid then",
    "RFC 9943, registration policy and trust anchors",
    "The key was registered for its issuer by an earlier entry of the log's operator, and was neither expired nor"
    " revoked when the entry was logged.",
    "Who sat at the keyboard, and whether the operator was right to register the key.",
)
SCHEMA: Final = _replayed(
    "schema",
    "Every record keeps to the schema",
    "Evidence records, records.cddl",
    "Each record has every field that its type must have and none that a reader would not understand.",
    "That the fields hold what happened.",
)
