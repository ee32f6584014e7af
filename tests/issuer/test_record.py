import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog.commitments import decode_disclosures, verify_disclosure
from glasslog.errors import MalformedError
from glasslog.records import decode_record
from glasslog.statement import CONTENT_TYPE_RECORD, decode_statement
from glasslog_issuer import AppliedPolicy, Body, Guardian, GuardrailExecution, Issuer, RawBody, Stream
from glasslog_issuer.record import CommonFields
from tests.issuer.parties import CONFIG, MODEL, inference, make_issuer, repeatable_bytes
from tests.issuer.typed_bodies import FULL
from tests.verifier.evidence import ISSUER, ISSUER_KEY, SYSTEM, TIME_MS, digest, uuid7

FOLLOWING = {"outcome", "oversight", "notice", "contest", "explanation"}


def test_a_signed_record_is_a_statement_that_verifies_and_says_what_was_given() -> None:
    signed = make_issuer().sign(inference())
    statement = decode_statement(signed.statement.entry)
    statement.verify(ISSUER_KEY.public_key)
    assert (statement.issuer, statement.content_type) == (ISSUER, CONTENT_TYPE_RECORD)
    record = decode_record(statement.payload)
    assert record == signed.record
    assert (record.type, record.system, record.env, record.time) == ("inference", SYSTEM, "production", TIME_MS)
    assert record.id == signed.id
    assert record.body["decision"] == {"label": "urgent", "score": 0.93}


def test_nothing_is_taken_from_clock_or_chance_but_by_the_arguments() -> None:
    first, second = (make_issuer().sign(inference(), commit={"input": "x"}) for _ in range(2))
    assert first.statement.entry == second.statement.entry
    assert first.disclosures == second.disclosures


def test_an_issuer_with_the_real_clock_and_chance_signs_what_the_schema_takes() -> None:
    issuer = Issuer(ISSUER, ISSUER_KEY, system=SYSTEM, env="test", stream=Stream("decisions"))
    first, second = (issuer.sign(inference(), commit={"input": "x"}) for _ in range(2))
    assert first.id != second.id
    assert first.decision != second.decision
    assert first.record.commitments != second.record.commitments
    assert first.record.time <= second.record.time


def test_what_belongs_to_a_decision_is_about_a_new_one_and_all_else_about_the_system() -> None:
    issuer = make_issuer()
    first, second = issuer.sign(inference()).decision, issuer.sign(inference()).decision
    assert first != second
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", first)
    assert issuer.sign(MODEL).decision == issuer.sign(CONFIG).decision == SYSTEM
    bodies = [body for body in FULL.values() if body.type() not in FOLLOWING]
    begun = {body.type() for body in bodies if issuer.sign(body).decision.startswith("urn:uuid:")}
    assert begun == {"inference-attempt", "inference", "guardrail-execution", "step"}


def test_what_follows_a_decision_must_name_it() -> None:
    issuer = make_issuer()
    following = [body for body in FULL.values() if body.type() in FOLLOWING]
    assert {body.type() for body in following} == FOLLOWING
    for body in following:
        expected = f"^record sub: expected the URN of the decision that this {body.type()} is about, got none$"
        with pytest.raises(MalformedError, match=expected):
            issuer.sign(body)
        assert issuer.sign(body, decision=issuer.new_decision()).record.type == body.type()
    assert issuer.stream.next_seq == len(following)


def test_several_records_can_be_about_one_decision() -> None:
    issuer = make_issuer()
    decision = issuer.new_decision()
    assert issuer.sign(inference(), decision=decision).statement.subject == decision
    assert issuer.sign(inference(), decision=decision).statement.subject == decision


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=5), VALUES, min_size=1, max_size=4))
def test_what_is_committed_to_is_opened_by_the_disclosures_and_is_not_in_the_statement(values: dict[str, Any]) -> None:
    signed = make_issuer().sign(inference(), commit=values)
    disclosures = decode_disclosures(signed.disclosure_file())
    assert {disclosure.name: disclosure.value for disclosure in disclosures} == values
    assert signed.record.commitments.keys() == values.keys()
    for disclosure in disclosures:
        verify_disclosure(disclosure, signed.record.commitments)
        assert disclosure.salt not in signed.statement.entry


def test_every_commitment_has_a_salt_of_its_own() -> None:
    signed = make_issuer().sign(inference(), commit={"input": "same", "output": "same"})
    assert len({disclosure.salt for disclosure in signed.disclosures}) == 2
    assert len(set(signed.record.commitments.values())) == 2


def test_content_is_not_shown_when_a_signed_record_is_printed() -> None:
    signed = make_issuer().sign(inference(), commit={"input": "a secret"})
    assert "a secret" not in repr(signed)
    assert "a secret" not in repr(signed.disclosures)


def test_digests_that_were_made_elsewhere_stand_beside_those_made_here() -> None:
    signed = make_issuer().sign(inference(), commit={"input": "x"}, commitments={"output": digest("output")})
    assert signed.record.commitments["output"] == digest("output")
    assert signed.record.commitments["input"] == signed.disclosures[0].digest


def test_a_commitment_is_made_once() -> None:
    with pytest.raises(MalformedError, match=r"expected a value or a digest for 'input', got both"):
        make_issuer().sign(inference(), commit={"input": "x"}, commitments={"input": digest("input")})


@pytest.mark.parametrize(
    "commit",
    [
        {"": "no name"},
        {"n" * 129: "a long name"},
        {"input": 2**80},
        {"input": "\ud800"},
        {"\ud800": 1},
        {"input": {1: 2, "a": 3}},
    ],
    ids=repr,
)
def test_what_cannot_be_committed_to_is_refused_without_showing_it(commit: dict[str, Any]) -> None:
    with pytest.raises(MalformedError, match=r"^record commitments: ") as refused:
        make_issuer().sign(inference(), commit=commit)
    assert "long name" not in str(refused.value)


def test_every_common_field_can_be_given() -> None:
    common: CommonFields = {
        "id": uuid7("mine"),
        "time": TIME_MS - 5,
        "end": TIME_MS - 1,
        "system": "urn:example:other",
        "env": "shadow",
        "anchor": {"size": 5, "root": digest("root")},
        "tenant": digest("tenant"),
        "links": ({"rel": "attempt", "id": uuid7("attempt")},),
        "trace": {"trace_id": bytes(16), "span_id": bytes(8)},
        "data_class": ("phi",),
        "retention": {"class": "clinical", "until": TIME_MS + 1, "hold": False},
        "commitments": {"input": digest("input")},
    }
    signed = make_issuer().sign(MODEL, **common)
    assert signed.id == uuid7("mine")
    assert signed.decision == "urn:example:other"
    assert signed.record.end == TIME_MS - 1
    assert signed.record.fields["links"] == [{"rel": "attempt", "id": uuid7("attempt")}]
    assert signed.record.fields.keys() == {*common, "v", "type", "stream", "body"}


def test_a_common_field_that_is_none_is_left_out() -> None:
    fields: Any = {"end": None}
    assert "end" not in make_issuer().sign(MODEL, **fields).record.fields


@pytest.mark.parametrize(
    "body,common,where",
    [
        (inference(model=b"short"), {}, "record body.model: expected a UUIDv7 of 16 bytes, got bytes of length 5"),
        (inference(status="done"), {}, "record body.status: expected one of completed"),
        (
            inference(params={"a": {}}),
            {},
            "record body.params.a: expected a finite number, a short text, true, false or null",
        ),
        (inference(latency_ms=float("nan")), {}, "record body.latency_ms: expected a finite number"),
        (inference(requested_model="\ud800"), {}, "record: "),
        (RawBody("unheard-of", {}), {}, "record type: expected one of"),
        (RawBody("inference", {"surprise": 1}), {}, "record body: expected no fields but"),
        (MODEL, {"env": "prod"}, "record env: expected one of production, shadow, test"),
        (MODEL, {"system": ""}, "record system: expected a URI"),
        (MODEL, {"end": TIME_MS - 1}, "record end: expected an end that is not before time"),
        (MODEL, {"v": 2}, "record v: expected the schema version 1"),
    ],
    ids=str,
)
def test_what_the_schema_refuses_is_not_signed_and_the_field_is_named(
    body: Body, common: CommonFields, where: str
) -> None:
    with pytest.raises(MalformedError, match=f"^{re.escape(where)}"):
        make_issuer().sign(body, **common)


def test_a_subject_that_is_no_uri_is_refused() -> None:
    issuer = make_issuer()
    with pytest.raises(MalformedError, match="expected sub to be a URI"):
        issuer.sign(inference(), decision="the patient")
    assert issuer.stream.next_seq == 0


def test_salts_and_ids_do_not_repeat_from_record_to_record() -> None:
    issuer = make_issuer(random_bytes=repeatable_bytes("other"))
    signed = [issuer.sign(inference(), commit={"input": "x"}) for _ in range(50)]
    assert len({record.id for record in signed}) == 50
    assert len({record.disclosures[0].salt for record in signed}) == 50


def test_a_guardrail_execution_reads_the_same_in_an_inference_and_on_its_own() -> None:
    issuer = make_issuer()
    execution = GuardrailExecution(
        guardian=Guardian(id="g", name="G", version="1", provider="p"),
        policy=AppliedPolicy(id="p", version="1", digest=digest("p")),
        target="llm_input",
        position="pre",
        decision="allow",
        started=TIME_MS,
        latency_ms=1,
    )
    alone = issuer.sign(execution).record.body
    within = issuer.sign(inference(guardrails=[execution])).record.body["guardrails"]
    assert within == [alone]
