"""Every type is rendered for a person: nothing that its body says is left out, and nothing is without bounds."""

from collections.abc import Iterator
from copy import deepcopy

import pytest

from glasslog.cbor import Value
from glasslog.cli.rendering import LINES_MAX, Line, render
from glasslog.cli.rendering.record import RENDERINGS
from glasslog.cli.rendering.words import LISTED_MAX
from glasslog.records import RECORD_TYPES, decode_record, encode_record
from glasslog.records.record import RECORDS
from glasslog.records.schema import Rule
from glasslog.records.schema.scalars import Either, OneOf
from glasslog.statement import sign_statement
from tests.verifier.desk import Desk
from tests.verifier.evidence import ISSUER, ISSUER_KEY, SUBJECT, digest, uuid7
from tests.verifier.records.examples import OTHER_BODIES, full_record, is_accepted, ordered, plain_record
from tests.verifier.records.mutations import Path, items, name_of, replaced

WORDS: dict[str, list[Line]] = {
    "inference-attempt": [("Asked", "cxr-triage, classify by Lumen Imaging in eu-central-1")],
    "inference": [
        ("Model", "cxr-triage-3.2 (asked for cxr-triage), classify by Lumen Imaging in eu-central-1, digest-measured"),
        ("Decision", "urgent, score 0.875, threshold 0.35, because of pneumothorax, left-apex"),
        ("Took", "412.5 ms, 1 tokens in, 1 tokens out"),
        ("Guardrails", "Image quality gate 2.4.1 (llm_input, pre): warn because of rotated"),
    ],
    "guardrail-execution": [("Found", "rotation, severity low, score 0.25, count 1"), ("Looked at", "2 of 2")],
    "step": [("Step", "retrieval, prior studies 1.9"), ("Authorised", "allow by priors-of-this-patient")],
    "outcome": [("Observed", "2025-01-02T00:00:00Z by radiologist's final report")],
    "model-registration": [("Model", "cxr-triage 3.2 (weights) by Lumen Imaging")],
    "config-registration": [("Configuration", "triage guardrails 5 (guardrail-set)")],
    "dataset-registration": [
        ("Made up of", "sex: male 63340, female 48780"),
        ("", "age_band: 65+ 30102, under 65 82018"),
    ],
    "system-registration": [
        ("Name", "Chest X-ray triage, provider Lumen Imaging"),
        ("Promises", "drift-monitor every 3600 s, no gap above 7200 s"),
        ("", "no record later than 600 s"),
    ],
    "deployment": [("Told", "deployers on 2024-12-02T00:00:00Z, 30 days ahead"), ("Substantial", "yes")],
    "subprocessor-change": [("Terms", "keeps data 30 days, training prohibited")],
    "evaluation": [
        ("Evaluation", "bias: pass"),
        ("Measured", "sensitivity 0.9375 (0.91 to 0.96 at 0.95) for age_band 65+, 1,024 samples"),
        ("By group", "sensitivity by age_band: ratio 0.96, threshold 0.8"),
    ],
    "monitoring": [("Monitoring", "drift: psi of pixel spacing 0.31, threshold 0.25"), ("Breached", "yes")],
    "document": [("Document", "Fundamental rights impact assessment 2 (impact-assessment)")],
    "assessment": [("By", "St. Elsewhere AI board"), ("Or until", "A sensitivity below 0.9 in any age band.")],
    "oversight": [("Oversight", "override because of skin-fold, before it took effect"), ("Looked for", "48.5 s")],
    "notice": [("Notice", "ai-use sent 2025-01-01T00:00:00Z, by letter")],
    "contest": [("Contest", "correction sent 2025-01-01T00:00:00Z, by letter")],
    "explanation": [("Explanation", "sent 2025-01-01T00:00:00Z, by letter")],
    "incident": [("Incident", "harmful-output, severity major, serious, open")],
    "control-operation": [("Control", "image-quality, healthy, operated 211 times")],
    "window-seal": [("Streams", "triage-1: 211 records, numbers 40 to 250"), ("", "triage-2: nothing, next number 7")],
    "coverage-reconciliation": [("Compared with", "studies routed of radiology worklist"), ("Matched", "210")],
    "access": [("Access", "disclose urn:uuid:7f1f1c5e-6a3b-4c0e-9d53-0d9a3f0a7c11"), ("Given to", "St. Elsewhere")],
    "erasure": [("Store", "vault: confirmed 2025-01-01T00:00:00Z"), ("", "backups: requested 2025-01-01T00:00:00Z")],
    "log-policy": [("Log", "log.example/2025"), ("Entries", "can be read by everybody")],
    "issuer-registration": [("Valid", "from 2025-01-01T00:00:00Z until 2026-01-01T00:00:00Z")],
}
TYPES = sorted(RECORD_TYPES)


def lines_of(fields: Value) -> list[Line]:
    return render(decode_record(encode_record(fields)))


def test_every_type_has_its_rendering() -> None:
    assert set(RENDERINGS) == set(WORDS) == set(RECORD_TYPES)


@pytest.mark.parametrize("record_type", TYPES)
def test_a_record_reads_like_this(record_type: str) -> None:
    lines = lines_of(full_record(record_type))
    assert [line for line in WORDS[record_type] if line not in lines] == []
    assert lines[0][0] == "Record"
    assert all(len(label) <= 13 and text for label, text in lines)


def other_values(rule: Rule, value: Value) -> Iterator[Value]:
    """Yield other values that a rule may accept."""
    if isinstance(rule, Either):
        rule = rule.rules[type(value)]
    if isinstance(rule, OneOf):
        yield from (choice for choice in rule.choices if choice != value)
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield from (value + 1, value - 1)
    elif isinstance(value, str):
        yield f"{value}x"
    elif isinstance(value, bytes):
        yield value[:-1] + bytes((value[-1] ^ 1,))
    elif value is None:
        yield "x"


def changes(fields: Value, rule: Rule) -> Iterator[tuple[Path, list[Value]]]:
    """Yield the place of every single value, and what else may stand there."""
    for path, inner, value in items(rule, fields, ()):
        if not isinstance(value, dict | list) and path not in {("v",), ("type",)}:
            yield (
                path,
                [other for other in other_values(inner, value) if is_accepted(rule, replaced(fields, path, other))],
            )


UNSEEN = {
    "stream.prev",
    "commitments.",  # their names are shown
    # of a guardrail within an inference there is one line; a record of its own says more
    *(f"body.guardrails.0.{name}" for name in ("guardian.id", "guardian.provider", "policy", "findings", "started")),
    *(f"body.guardrails.0.{name}" for name in ("latency_ms", "coverage")),
}


@pytest.mark.parametrize("record_type", TYPES)
def test_whatever_a_record_says_is_shown(record_type: str) -> None:
    rule = RECORDS[record_type]
    others = [plain_record(record_type, body) for body in OTHER_BODIES.get(record_type, {}).values()]
    for fields in map(ordered, (full_record(record_type), *others)):
        lines = lines_of(fields)
        for path, values in changes(fields, rule):
            for value in values:
                seen = lines_of(replaced(fields, path, value)) != lines
                assert seen or any(map(name_of(path).startswith, UNSEEN)), (name_of(path), value)


@pytest.mark.parametrize("record_type", TYPES)
def test_what_is_not_there_is_not_shown(record_type: str) -> None:
    plain = plain_record(record_type)
    assert len(lines_of(plain)) < len(lines_of(full_record(record_type)))


def test_long_lists_and_long_records_are_cut() -> None:
    streams = [{"id": f"s{n}", "first_seq": 0, "last_seq": 0, "count": 1} for n in range(200)]
    fields = plain_record("window-seal")
    fields["body"]["streams"] = streams
    lines = lines_of(fields)
    assert len(lines) == LINES_MAX
    assert lines[-1] == ("", f"{5 + 200 + 1 - (LINES_MAX - 1)} more lines")
    fields = plain_record("erasure")
    fields["body"]["commitments"] = [digest(f"c{n}") for n in range(1_024)]
    [text] = [text for label, text in lines_of(fields) if label == "Commitments"]
    assert text.endswith(f" and {1_024 - LISTED_MAX} more")


@pytest.mark.parametrize("record_type", TYPES)
def test_inspect_and_verify_show_the_record_in_words(desk: Desk, record_type: str) -> None:
    payload = encode_record(full_record(record_type))
    statement = sign_statement(ISSUER_KEY, issuer=ISSUER, subject=SUBJECT, payload=payload)
    label, text = WORDS[record_type][0]
    for data in (payload, statement.entry):
        desk.put("file", data)
        out = desk.run("inspect", "file").out
        assert f"{label:<14}{text}\n" in out


def test_hidden_characters_do_not_reach_the_terminal(desk: Desk) -> None:
    fields = plain_record("outcome", {"source": "a\u200bb\u00adc", "observed_at": 0})
    desk.put("file", encode_record(fields))
    out = desk.run("inspect", "file").out
    assert "by a\\u200bb\\xadc\n" in out
    assert all(character.isprintable() for character in out.replace("\n", ""))


def test_a_file_without_a_readable_record_is_shown_all_the_same(desk: Desk) -> None:
    for payload, content_type in ((b"\xa0", None), (b"{}", "application/json")):
        more = {} if content_type is None else {"content_type": content_type}
        desk.put("file", sign_statement(ISSUER_KEY, issuer=ISSUER, subject=SUBJECT, payload=payload, **more).entry)
        outcome = desk.run("inspect", "file")
        assert outcome.code == 0
        assert "\nRecord " not in outcome.out
        assert f"issuer: {ISSUER}" in outcome.out


def test_rendering_changes_nothing() -> None:
    fields = ordered(full_record("inference"))
    before = deepcopy(fields)
    render(decode_record(encode_record(fields)))
    assert fields == before
    assert uuid7("model").hex() in dict(lines_of(fields))["Links"]
