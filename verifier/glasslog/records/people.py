"""The bodies of what people do about decisions: those who oversee them, and those they are about."""

from typing import Final

from glasslog.records.parts import DIGEST, TAG
from glasslog.records.schema import Presence, Relation, Rule, closed_map, measure, one_of, time_ms, token

OVERSIGHT_MODES: Final = ("in-loop", "on-loop")
OVERSIGHT_ACTIONS: Final = ("approve", "edit", "override", "reject", "escalate", "stop")
NOTICE_KINDS: Final = ("ai-use", "consent", "adverse")
CONTEST_KINDS: Final = ("appeal", "correction", "access")

OVERSIGHT: Final = closed_map(
    {
        "mode": one_of(*OVERSIGHT_MODES),
        "reviewer": TAG,
        "role": token,
        "action": one_of(*OVERSIGHT_ACTIONS),
        "reason_code": token,
        "seconds": measure,
    },
    {"second_reviewer": TAG},
    relations=[
        Relation(
            ("reviewer", "second_reviewer"), lambda first, second: first != second, "another person than the reviewer"
        )
    ],
)
"""A person looked at a decision: in the loop, before it took effect, or on the loop, after (EU AI Act Article 14).

`seconds` is how long it took. A second reviewer answers to Article 14(5). The commitments `before`, `after` and `seen`
hold what was proposed, what was decided, and what was on the screen.
"""


def _correspondence(kinds: tuple[str, ...]) -> Rule:
    """Return the rule of something that went out to a person (`sent`) or was opened by one (`opened`)."""
    kind = {"kind": one_of(*kinds)} if kinds else {}
    return closed_map(
        {**kind, "channel": token},
        {
            "sent": time_ms,
            "opened": time_ms,
            "template_digest": DIGEST,
            "due": time_ms,
            "state": token,
            "result": token,
        },
        presences=[
            Presence(lambda names: ("sent" in names) != ("opened" in names), "either sent or opened"),
            Presence(
                lambda names: "sent" not in names or "template_digest" in names, "the template_digest of what was sent"
            ),
        ],
    )


NOTICE: Final = _correspondence(NOTICE_KINDS)
"""A person was told: that an AI system is used, what they consent to, or of a decision against them.

`ai-use` answers to EU AI Act Articles 26(11) and 50, `consent` to GDPR Article 7, `adverse` to 12 CFR 1002.9
(Regulation B). `sent` is when it went to the person, `opened` when the person opened the matter; `template_digest` is
of the wording without the person's data; `due` is when it had to be done.
"""

CONTEST: Final = _correspondence(CONTEST_KINDS)
"""A person objects to a decision (GDPR Article 22(3)), or asks for a correction (Article 16) or access (Article 15)."""

EXPLANATION: Final = _correspondence(())
"""A person asks for the reasons of a decision (`opened`) or gets them (`sent`): EU AI Act Article 86."""
