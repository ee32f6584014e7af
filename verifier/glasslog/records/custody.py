"""The bodies of what happens to the opened content, which the log never holds: who saw it, and when it was erased."""

from typing import Final

from glasslog.records.parts import DIGEST, PARTY, REFERENCES_MAX
from glasslog.records.schema import array, boolean, closed_map, one_of, text, time_ms, token

ACCESS_ACTIONS: Final = ("read", "disclose", "export", "login", "config")
ERASED_COMMITMENTS_MAX: Final = 1_024  # 34 KiB, well within a payload; an erasure of more takes several records

ACCESS: Final = closed_map(
    {
        "actor": PARTY,
        "action": one_of(*ACCESS_ACTIONS),
        "object": text(),
        "purpose": token,
        "auth": closed_map({"mfa": boolean}),
    },
    {"recipient": PARTY},
)
"""Somebody came to content or settings (45 CFR 164.312(b), audit controls).

`recipient` is who got it when it was disclosed (45 CFR 164.528, accounting of disclosures); `purpose` is what the
minimum necessary is measured by (45 CFR 164.502(b)).
"""

ERASURE: Final = closed_map(
    {
        "request_id": token,
        "targets": array(
            closed_map({"store": token, "state": token, "at": time_ms}), REFERENCES_MAX, minimum=1, distinct="store"
        ),
        "basis": token,
        "commitments": array(DIGEST, ERASED_COMMITMENTS_MAX, minimum=1),
    }
)
"""Content was erased on request (GDPR Article 17): which commitments can no longer be opened, and in which stores.

An erasure is open until a record under its `request_id` gives every store the state `confirmed`.
"""
