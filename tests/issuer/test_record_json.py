import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog.cli.document import json_of
from glasslog.errors import MalformedError
from glasslog.records import Stream as Place
from glasslog_issuer.record_json import Draft, decode_draft
from tests.issuer.parties import make_issuer
from tests.verifier.evidence import SYSTEM, TIME_MS, digest, uuid7
from tests.verifier.records.examples import BODIES, OTHER_BODIES

MODEL = {
    "type": "model-registration",
    "body": {"name": "m", "version": "1", "kind": "hosted", "publisher": "p", "assurance": "self-asserted"},
}


def as_json(value: object) -> str:
    """Write a value of CBOR in JSON, with bytes in hex."""
    return json.dumps(value, default=lambda octets: octets.hex())


def sign(draft: Draft) -> Any:  # noqa: ANN401  the fields of the record
    place = draft.place or Place("decisions", 0)
    decision = draft.subject or SYSTEM  # some must say what they are about, and none minds to
    signed = make_issuer().sign_at(place, draft.body, decision=decision, commit=draft.commit, **draft.common)
    return signed.record.fields


@pytest.mark.parametrize("record_type", sorted(BODIES.keys() - {"access"}))  # where text is a name
def test_a_body_with_every_field_comes_back_from_json(record_type: str) -> None:
    text = as_json({"type": record_type, "body": BODIES[record_type]})
    assert sign(decode_draft(text))["body"] == BODIES[record_type]


@pytest.mark.parametrize("record_type", BODIES)
def test_bytes_may_be_written_as_the_verifier_shows_them(record_type: str) -> None:
    for body in [BODIES[record_type], *OTHER_BODIES.get(record_type, {}).values()]:
        draft = decode_draft(json.dumps({"type": record_type, "body": json_of(body)}))
        assert sign(draft)["body"] == body


@pytest.mark.parametrize(
    "written,read", [("00" * 16, "00" * 16), ({"hex": "00" * 16}, bytes(16)), ("Registry", "Registry")], ids=str
)
def test_where_a_name_may_stand_text_is_the_name_and_bytes_are_a_tag(written: object, read: object) -> None:
    draft = decode_draft(json.dumps({"type": "access", "body": {"actor": written}}))
    assert draft.body.content == {"actor": read}


def test_every_common_field_comes_back_from_json() -> None:
    common: dict[str, Any] = {
        "v": 1,
        "id": uuid7("mine"),
        "time": TIME_MS,
        "end": TIME_MS,
        "system": "urn:example:other",
        "env": "shadow",
        "stream": {"id": "others", "seq": 4, "prev": digest("prev")},
        "anchor": {"size": 5, "root": digest("root")},
        "tenant": digest("tenant"),
        "links": [{"rel": "attempt", "id": uuid7("attempt")}],
        "trace": {"trace_id": bytes(16), "span_id": bytes(8)},
        "data_class": ["phi"],
        "retention": {"class": "clinical", "until": TIME_MS + 1, "hold": False},
        "commitments": {"input": digest("input")},
    }
    draft = decode_draft(as_json({**MODEL, **common}))
    assert draft.place == Place("others", 4, digest("prev"))
    assert sign(draft) == {**MODEL, **common}


def test_what_is_no_part_of_the_record_is_kept_apart() -> None:
    draft = decode_draft(json.dumps({**MODEL, "subject": "urn:uuid:1", "commit": {"input": [1, {"id": "00"}]}}))
    assert draft.subject == "urn:uuid:1"
    assert draft.commit == {"input": [1, {"id": "00"}]}  # content is content: no hex is read in it
    assert draft.place is None
    assert draft.common == {}


def test_an_id_may_be_written_as_a_uuid() -> None:
    octets = uuid7("mine")
    draft = decode_draft(json.dumps({**MODEL, "id": str(uuid.UUID(bytes=octets))}))
    assert draft.common["id"] == octets


def test_hex_may_be_in_upper_case_and_bytes_in_utf_8() -> None:
    draft = decode_draft(json.dumps({**MODEL, "tenant": "AB" * 16}).encode())
    assert draft.common["tenant"] == b"\xab" * 16


def test_content_is_not_shown_when_a_draft_is_printed() -> None:
    assert "secret" not in repr(decode_draft(json.dumps({**MODEL, "commit": {"input": "secret"}})))


@pytest.mark.parametrize(
    "changes,complaint",
    [
        ({"id": "no hex"}, "record id: expected bytes in hex, got text of length 6"),
        ({"id": "abc"}, "record id: expected bytes in hex"),
        ({"id": ""}, "record id: expected bytes in hex"),
        ({"links": [{"rel": "x", "id": "00"}, {"rel": "x", "id": "?"}]}, "record links.1.id: expected bytes in hex"),
        ({"commitments": {"input": "text"}}, "record commitments.input: expected bytes in hex"),
        ({"body": {"card_digest": "?"}}, "record body.card_digest: expected bytes in hex"),
        ({"body": {"card_digest": {"hex": "?"}}}, "record body.card_digest: expected bytes in hex"),
        ({"type": "unheard-of"}, "record type: expected one of inference-attempt, inference, "),
        ({"type": None}, "record type: expected the type of the record as text"),
        ({"body": []}, "expected the body as a JSON object"),
        ({"commit": "x"}, "expected commit as a JSON object"),
        ({"subject": 1}, "record subject: expected a URN as text"),
        ({"stream": "x"}, "record stream: expected id as text"),
        ({"stream": {"id": "x"}}, "record stream: expected id as text"),
        ({"stream": {"id": "x", "seq": True}}, "record stream: expected id as text"),
        ({"stream": {"id": "x", "seq": 1, "prev": 1}}, "record stream: expected id as text"),
        ({"stream": {"id": "x", "seq": 0, "more": 1}}, "record stream: expected id as text"),
        ({"decision": "urn:x"}, "record: expected no fields but those of a record, commit and subject, got 'decision'"),
        ({"place": 1}, "record: expected no fields but"),
    ],
    ids=str,
)
def test_a_record_that_cannot_be_read_is_refused_and_the_field_is_named(
    changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(MalformedError) as refused:
        decode_draft(json.dumps({**MODEL, **changes}))
    assert str(refused.value).startswith(complaint)


@pytest.mark.parametrize(
    "text,complaint",
    [
        ("", "expected JSON: Expecting value at line 1, column 1"),
        ("[]", "expected a record as a JSON object"),
        ('{"a": 1}{"b": 2}', "expected JSON: Extra data"),
        ('{"type": "a", "type": "b"}', "expected JSON: a name stands twice in one object"),
        ('{"time": NaN}', "expected JSON: NaN is no JSON number"),
        ('{"time": ' + "9" * 5_000 + "}", "expected JSON: "),
        ("[" * 100_000, "expected JSON"),
        ('{"body": ' + "[" * 17 + "]" * 17 + "}", "expected at most 16 levels"),
        (b"\xff\xfe\x00", "expected JSON: "),
        (b'{"\xc3": 1}', "expected JSON: "),
    ],
)
def test_what_is_no_json_object_of_its_own_is_refused(text: str | bytes, complaint: str) -> None:
    with pytest.raises(MalformedError, match=f"^{complaint}"):
        decode_draft(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "seq", "x"]), inner, max_size=3),
    max_leaves=8,
)
NAMES = ["type", "body", "commit", "subject", "stream", "id", "time", "links", "trace", "commitments", "decision"]


@given(st.binary() | st.dictionaries(st.sampled_from(NAMES), JSON).map(lambda fields: json.dumps(fields).encode()))
def test_any_bytes_are_read_or_refused_as_malformed(data: bytes) -> None:
    try:
        draft = decode_draft(data)
        sign(draft)
    except MalformedError:
        pass
