"""The bodies of what changes around a model: what is deployed, and who else handles the data."""

from typing import Final

from glasslog.records.parts import DIGEST, REFERENCES_MAX, SENTENCE_BYTES_MAX, TAG
from glasslog.records.schema import (
    Relation,
    array,
    boolean,
    closed_map,
    one_of,
    text,
    time_ms,
    token,
    unsigned,
    uuid7,
)

DEPLOYMENT_ACTIONS: Final = ("deploy", "rollback", "retrain", "suspend", "retire")
SUBPROCESSOR_ACTIONS: Final = ("add", "change", "remove")
TRAINING_USES: Final = ("prohibited", "opt-in", "allowed")
APPROVALS_MAX: Final = 32
DAYS_MAX: Final = 36_525  # a century

DEPLOYMENT: Final = closed_map(
    {
        "model": uuid7,
        "action": one_of(*DEPLOYMENT_ACTIONS),
        "substantial": boolean,
        "approvals": array(closed_map({"role": token, "who": TAG, "at": time_ms}), APPROVALS_MAX),
        "effective": time_ms,
    },
    {
        "previous": uuid7,
        "validation": uuid7,
        "change_ticket": text(),
        "notified": closed_map({"audience": token, "at": time_ms, "lead_days": unsigned(DAYS_MAX)}),
    },
    relations=[
        Relation(
            ("action",),
            frozenset({"suspend", "retire"}).__contains__,
            "a validation too, which suspend and retire alone may leave out",
            without="validation",
        )
    ],
)
"""A model goes into service or out of it. Ids are of records: two registrations, and the evaluation that validates.

`substantial` is the judgement of EU AI Act Article 3(23), substantial modification. A model that is stopped needs no
validation; every other change cites one.
"""

SUBPROCESSOR_CHANGE: Final = closed_map(
    {
        "name": text(),
        "service": text(),
        "action": one_of(*SUBPROCESSOR_ACTIONS),
        "effective": time_ms,
        "regions": array(token, REFERENCES_MAX),
        "terms": closed_map(
            {"dpa_digest": DIGEST, "retention_days": unsigned(DAYS_MAX), "training_use": one_of(*TRAINING_USES)},
            {"baa_digest": DIGEST},
        ),
        "assurance_docs": array(DIGEST, REFERENCES_MAX),
        "gaps": array(text(SENTENCE_BYTES_MAX), REFERENCES_MAX),
    }
)
"""A subprocessor comes, changes or goes (GDPR Article 28(2) and (4)).

`dpa_digest` is of the data processing agreement, `baa_digest` of the business associate agreement (45 CFR 164.504(e)).
`gaps` says in the issuer's words what the assurance documents leave open.
"""
