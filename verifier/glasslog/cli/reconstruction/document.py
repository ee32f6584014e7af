"""The document of a reconstruction: JSON with a version, described in docs/reconstruct.md. The HTML is made from it.

Times are given twice, as RFC 3339 text and as POSIX milliseconds. An entry that does not verify is there with its steps
and without its content.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from glasslog import __version__
from glasslog.bundle import BUNDLE_SUFFIX
from glasslog.cli.document import Json, json_of
from glasslog.cli.rendering import render
from glasslog.cli.rendering.record import RENDERINGS
from glasslog.moments import iso_time
from glasslog.reconstruct import Account, Gap, OpeningState, Piece, Reconstruction
from glasslog.reconstruct.account import Guardrail, ModelUse
from glasslog.reconstruct.evidence import Told
from glasslog.reconstruct.proof import limits, statements
from glasslog.reconstruct.references import uuid_text
from glasslog.verify import Trust, Verdict

FORMAT: Final = "glasslog-reconstruction"
VERSION: Final = 1

_MS_PER_S: Final = 1_000
ASSURANCE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "self-asserted": "the issuer says so; nothing else shows it",
        "provider-returned": "the provider returned this name; which weights ran is not shown",
        "digest-measured": "the issuer hashed the weights that it ran",
        "tee-attested": "a trusted execution environment attests what ran",
    }
)
GROUPS: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        "system": ("system-registration",),
        "registrations": ("model-registration", "config-registration", "dataset-registration"),
        "deployments": ("deployment", "subprocessor-change"),
        "evaluations": ("evaluation", "assessment", "monitoring", "document"),
        "steps": ("step",),
        "oversight": ("oversight",),
        "notices": ("notice", "contest", "explanation"),
        "outcomes": ("outcome",),
        "incidents": ("incident",),
        "custody": ("erasure", "access"),
        "completeness": ("control-operation", "window-seal", "coverage-reconciliation"),
    }
)
"""The records around a decision, by what a reader asks."""


def document_of(reconstruction: Reconstruction, trust: Trust, made_at: int) -> dict[str, Json]:
    """Return the whole document. `made_at` is now, POSIX ms, by the clock of whoever makes it."""
    account = Account(reconstruction)
    gaps = (*reconstruction.gaps, *account.absences())
    return {
        "format": FORMAT,
        "v": VERSION,
        "glasslog": __version__,
        "made_at": _time(made_at),
        "decision": reconstruction.subject,
        "source": reconstruction.source,
        "verdict": reconstruction.verdict.value,
        "counts": _counts(reconstruction.pieces, gaps),
        "sentences": list(account.sentences()),
        "timeline": _timeline(reconstruction),
        "models": [_model(use) for use in account.models()],
        "guardrails": [_guardrail(guardrail) for guardrail in account.guardrails()],
        **{name: [told.piece.entry_id.hex() for told in account.of(*types)] for name, types in GROUPS.items()},
        "values": [value for told in reconstruction.verified() for value in _values(told)],
        "proven": [
            {
                "code": each.code,
                "verdict": each.verdict.value if each.verdict is not None else "not-asked",
                "text": each.text,
                "details": list(each.details),
            }
            for each in statements(reconstruction, trust)
        ],
        "faults": list(reconstruction.faults),
        "gaps": [{"code": gap.code, "kind": gap.kind.value, "text": gap.text} for gap in gaps],
        "not_shown": list(limits(reconstruction)),
        "searches": [
            {
                "subject": search.subject,
                "listed": search.listed,
                "read": search.read,
                "whole": search.is_whole,
                "trouble": search.trouble,
            }
            for search in reconstruction.searches
        ],
        "entries": [_entry(piece) for piece in reconstruction.pieces],
    }


def _counts(pieces: Sequence[Piece], gaps: Sequence[Gap]) -> dict[str, Json]:
    verdicts = [piece.verdict for piece in pieces]
    return {
        "entries": len(pieces),
        "verified": verdicts.count(Verdict.VERIFIED),
        "failed": verdicts.count(Verdict.FAILED),
        "could_not_check": verdicts.count(Verdict.COULD_NOT_CHECK),
        "absent": sum(gap.kind.value == "absent" for gap in gaps),
        "unknown": sum(gap.kind.value == "unknown" for gap in gaps),
        "noted": sum(gap.kind.value == "noted" for gap in gaps),
    }


def _time(milliseconds: int) -> dict[str, Json]:
    return {"ms": milliseconds, "text": iso_time(milliseconds)}


def _logged(told: Told) -> dict[str, Json] | None:
    return _time(told.shown.time * _MS_PER_S) if told.shown.time is not None else None


def _timeline(reconstruction: Reconstruction) -> list[Json]:
    """Return what happened, by the issuers' clocks, and when the log had it, by the log's."""
    events = [
        {
            "at": _time(told.record.time),
            "logged": _logged(told),
            "type": told.record.type,
            "issuer": told.issuer,
            "about_decision": told.subject == reconstruction.subject,
            "summary": _summary(told),
            "entry_id": told.piece.entry_id.hex(),
        }
        for told in reconstruction.verified()
    ]
    return sorted(events, key=lambda event: event["at"]["ms"])


def _summary(told: Told) -> str:
    """Return the first line of what a record says."""
    return next((text for _, text in RENDERINGS[told.record.type](told.record.body)), "")


def _model(use: ModelUse) -> dict[str, Json]:
    body = use.inference.record.body
    assurance = str(body["model_assurance"])
    return {
        "inference": use.inference.piece.entry_id.hex(),
        "requested": body["requested_model"],
        "answered": body.get("response_model"),
        "provider": body["provider"]["name"],
        "region": body["provider"].get("region"),
        "assurance": {"level": assurance, "text": ASSURANCE[assurance]},
        "automation": body["automation"],
        "parameters": json_of(body["params"]),
        "model_id": uuid_text(body["model"]),
        "configuration_id": uuid_text(body["config"]),
        "registration": _reference(use.registration),
        "configuration": _reference(use.configuration),
        "deployment": _reference(use.deployment),
    }


def _reference(told: Told | None) -> str | None:
    return told.piece.entry_id.hex() if told is not None else None


def _guardrail(guardrail: Guardrail) -> dict[str, Json]:
    execution, told = guardrail.execution, guardrail.told
    return {
        "guardian": guardrail.guardian,
        "state": guardrail.state,
        "required_by": list(guardrail.required_by),
        "execution": json_of(dict(execution)) if execution is not None else None,
        "entry_id": _reference(told),
        "issuer": told.issuer if told is not None else None,
    }


def _values(told: Told) -> Iterable[dict[str, Json]]:
    for opening in told.piece.openings:
        yield {
            "entry_id": told.piece.entry_id.hex(),
            "type": told.record.type,
            "name": opening.name,
            "commitment": opening.digest.hex(),
            "state": opening.state.value,
            "value": json_of(opening.value) if opening.state is OpeningState.OPENED else None,
            "erased": _time(opening.at) if opening.at is not None else None,
            "open_stores": list(opening.open_stores),
        }


def _entry(piece: Piece) -> dict[str, Json]:
    steps = piece.report.steps if piece.report is not None else ()
    return {
        "entry_id": piece.entry_id.hex(),
        "file": f"{piece.entry_id.hex()}{BUNDLE_SUFFIX}" if piece.bundle is not None else None,
        "verdict": piece.verdict.value,
        "reasons": list(piece.reasons),
        "trouble": piece.trouble,
        **_said(piece),
        "steps": [step.to_json() for step in steps],
    }


def _said(piece: Piece) -> dict[str, Json]:
    """Return what a verified piece says; every field is null for one that does not verify."""
    shown, record = piece.shown, piece.record
    statement = shown.statement if shown is not None else None
    return {
        "index": shown.index if shown is not None else None,
        "logged": _time(shown.time * _MS_PER_S) if shown is not None and shown.time is not None else None,
        "issuer": statement.issuer if statement is not None else None,
        "subject": statement.subject if statement is not None else None,
        "kid": statement.kid.hex() if statement is not None else None,
        "content_type": statement.content_type if statement is not None else None,
        "type": record.type if record is not None else None,
        "record_id": uuid_text(record.id) if record is not None else None,
        "time": _time(record.time) if record is not None else None,
        "body_words": [list(line) for line in RENDERINGS[record.type](record.body)] if record is not None else [],
        "words": [list(line) for line in render(record)] if record is not None else [],
        "record": json_of(record.fields) if record is not None else None,
    }
