"""Does the free text say who it is about? Identifiers are cut out; the gravest stop the referral.

The patterns are the policy: anybody can read from it what is looked for, and how. They find what is written in the
usual ways and no more; a scan is no proof that a text names nobody.
"""

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Final

from glasslog_issuer.bodies import Finding, Guardian, GuardrailDecision
from glasslog_issuer.demo.guardrails.execution import MODEL_INPUT, PROVIDER, Guardrail, Policy, Ruling
from glasslog_issuer.demo.referrals import Referral

NOTE_CHARACTERS_MAX: Final = 2_000  # a referral note is a paragraph; each pattern's cost is bounded by this


@dataclass(frozen=True, slots=True)
class Pattern:
    """A kind of identifier: how it is written, and what is done when it is met."""

    category: str
    expression: str
    severity: str
    action: GuardrailDecision


PATTERNS: Final = (
    Pattern("social_security_number", r"(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)", "high", "deny"),
    Pattern("record_number", r"\bMRN[ :#]*\d{5,10}\b", "medium", "modify"),
    Pattern("birth_date", r"\b(?:DOB|[Bb]orn)[ :]*(?:on )?\d{1,2}/\d{1,2}/\d{4}\b", "medium", "modify"),
    Pattern("email", r"[\w.%+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}", "medium", "modify"),
    Pattern("phone", r"(?<!\d)(?:\+1[ .-]?)?\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?!\d)", "medium", "modify"),
    Pattern("name", r"\b(?:Mr|Mrs|Ms|Miss|Dr)\.? [A-Z][a-z]+(?: [A-Z][a-z]+)?\b", "medium", "modify"),
)


@dataclass(frozen=True)
class IdentifierScan(Guardrail[Referral]):
    """Scan the note of a referral, and cut out what identifies a person."""

    patterns: tuple[Pattern, ...] = PATTERNS

    guardian: ClassVar = Guardian(
        id="identifier-scan", name="Identifier scan of free text", version="1.0.0", provider=PROVIDER
    )
    target: ClassVar = MODEL_INPUT
    position: ClassVar = "pre"

    @cached_property
    def policy(self) -> Policy:
        """Return the patterns as the policy that is enforced."""
        document = {
            "id": "no-direct-identifiers",
            "version": "1.0.0",
            "note_characters_max": NOTE_CHARACTERS_MAX,
            "patterns": {
                pattern.category: {
                    "expression": pattern.expression,
                    "severity": pattern.severity,
                    "action": pattern.action,
                }
                for pattern in self.patterns
            },
        }
        return Policy("no-direct-identifiers", "1.0.0", document)

    def rule(self, subject: Referral) -> Ruling[Referral]:
        """Deny a note that is too long or holds the gravest identifiers; cut out the others."""
        if len(subject.note) > NOTE_CHARACTERS_MAX:
            return Ruling("deny", "note_too_long")
        note, met = self._redact(subject.note)
        if not met:
            return Ruling("allow")
        redacted = replace(subject, note=note)
        findings = tuple(
            Finding(category=pattern.category, severity=pattern.severity, count=count) for pattern, count in met
        )
        if any(pattern.action == "deny" for pattern, _ in met):
            return Ruling("deny", "identifier_not_allowed", findings, replacement=redacted)
        return Ruling("modify", "identifier_redacted", findings, replacement=redacted)

    def _redact(self, note: str) -> tuple[str, list[tuple[Pattern, int]]]:
        """Return the note with a category in brackets in place of each identifier, and what was met how often."""
        met = []
        for pattern in self.patterns:
            note, count = re.subn(pattern.expression, f"[{pattern.category}]", note, flags=re.ASCII)
            if count:
                met.append((pattern, count))
        return note, met
