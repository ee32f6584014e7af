"""The typed bodies against the schema that the log and its auditors use."""

import enum
from collections import deque
from dataclasses import MISSING, Field, fields
from types import MappingProxyType
from typing import Any, get_args

import pytest

from glasslog.errors import MalformedError
from glasslog.records import POLICY_RECORD_TYPES, RECORD_TYPES, inference, registrations
from glasslog_issuer import bodies
from glasslog_issuer.bodies import (
    AppliedPolicy,
    Body,
    ConfigRegistration,
    Coverage,
    Decision,
    Finding,
    Guardian,
    GuardrailExecution,
    Inference,
    InferenceAttempt,
    ModelRegistration,
    Provider,
    RawBody,
    Routing,
    Usage,
    to_value,
)
from tests.issuer.parties import make_issuer
from tests.verifier.evidence import TIME_MS, digest, uuid7

EXECUTION = GuardrailExecution(
    guardian=Guardian(id="ranges", name="Range check", version="1.0", provider="vendor"),
    policy=AppliedPolicy(id="ranges", version="3", digest=digest("ranges")),
    target="model_input",
    position="pre",
    decision="warn",
    started=TIME_MS,
    latency_ms=1.5,
    findings=[Finding(category="range", severity="low", score=0.25, count=1)],
    reason_code="out_of_range",
    coverage=Coverage(seen=9, total=10),
)
FULL: list[Body] = [
    InferenceAttempt(
        operation="chat",
        provider=Provider(name="vendor", region="eu"),
        requested_model="model",
        required_guardrails=digest("set"),
    ),
    EXECUTION,
    Inference(
        operation="chat",
        provider=Provider(name="vendor"),
        requested_model="model",
        model=uuid7("model"),
        model_assurance="provider-returned",
        config=uuid7("config"),
        status="completed",
        latency_ms=12,
        automation="advisory",
        params={"temperature": 0.5, "seed": 7, "stream": True, "stop": None, "format": "json"},
        usage=Usage(input_tokens=10, output_tokens=20),
        guardrails=(EXECUTION, EXECUTION),
        response_model="model-2",
        response_id="abc",
        system_fingerprint="fp",
        error_type="none",
        decision=Decision(label="approve", score=0.9, threshold=0.5, reason_codes=["income"]),
        principal=digest("principal"),
        routed=Routing(from_model="large", to_model="small", reason="cost"),
    ),
    ModelRegistration(
        name="model",
        version="2",
        kind="adapter",
        publisher="vendor",
        assurance="tee-attested",
        weights_digest=digest("weights"),
        signing_bundle_digest=digest("bundle"),
        base_model="base",
        training_data=[uuid7("data")],
        card_digest=digest("card"),
        limits_digest=digest("limits"),
    ),
    ConfigRegistration(
        kind="guardrail-set",
        name="guardrails",
        version="1",
        digest=digest("set"),
        previous=uuid7("previous"),
        guardrails=["ranges"],
    ),
]


@pytest.mark.parametrize("body", FULL, ids=lambda body: body.type())
def test_a_body_with_every_field_passes_the_schema(body: Body) -> None:
    assert all(getattr(body, field.name) is not None for field in fields(body))  # type: ignore[arg-type]
    record = make_issuer().sign(body).record
    assert record.type == body.type()
    assert record.body == body.to_fields()


@pytest.mark.parametrize("body", FULL, ids=lambda body: body.type())
def test_a_body_without_its_optional_fields_passes_the_schema(body: Body) -> None:
    required = {f.name: getattr(body, f.name) for f in fields(body) if not _has_default(f)}  # type: ignore[arg-type]
    assert make_issuer().sign(type(body)(**required)).record.type == body.type()


@pytest.mark.parametrize("body", FULL, ids=lambda body: body.type())
def test_a_body_demands_what_the_schema_demands(body: Body) -> None:
    everything = body.to_fields()
    optional = {name for name in everything if _is_accepted(body.type(), without(everything, name))}
    defaulted = {f.metadata.get("field", f.name) for f in fields(body) if _has_default(f)}  # type: ignore[arg-type]
    always_sent = {f.name for f in fields(body) if _has_default(f) and f.default is not None}  # type: ignore[arg-type]
    assert optional == defaulted - always_sent


def without(mapping: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if key != name}


def _has_default(field: "Field[Any]") -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING


def _is_accepted(record_type: str, body: dict[str, Any]) -> bool:
    try:
        make_issuer().sign(RawBody(record_type, body))
    except MalformedError:
        return False
    return True


def test_there_is_a_class_for_every_type_that_an_issuer_may_sign() -> None:
    assert {body.type() for body in FULL} == RECORD_TYPES - POLICY_RECORD_TYPES


@pytest.mark.parametrize(
    "literal,schema",
    [
        (bodies.ModelAssurance, inference.MODEL_ASSURANCE),
        (bodies.Status, inference.STATUSES),
        (bodies.Automation, inference.AUTOMATION),
        (bodies.GuardrailDecision, inference.GUARDRAIL_DECISIONS),
        (bodies.Position, inference.POSITIONS),
        (bodies.ModelKind, registrations.MODEL_KINDS),
        (bodies.ConfigKind, registrations.CONFIG_KINDS),
    ],
    ids=str,
)
def test_the_words_that_types_allow_are_those_of_the_schema(literal: object, schema: tuple[str, ...]) -> None:
    assert get_args(literal) == schema


class Label(enum.StrEnum):
    URGENT = "urgent"


class OldLabel(str, enum.Enum):  # noqa: UP042  what code from before Python 3.11 has
    URGENT = "urgent"


class Level(enum.IntEnum):
    HIGH = 3


@pytest.mark.parametrize(
    "item,value",
    [
        (None, None),
        (True, True),
        (Label.URGENT, "urgent"),
        (OldLabel.URGENT, "urgent"),
        (Level.HIGH, 3),
        (1.5, 1.5),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"ab"), b"ab"),
        ((1, (2, [3])), [1, [2, [3]]]),
        (MappingProxyType({"a": (1,)}), {"a": [1]}),
        (Usage(input_tokens=1), {"input_tokens": 1}),
        (Routing(from_model="a", to_model="b", reason="c"), {"from": "a", "to": "b", "reason": "c"}),
    ],
)
def test_items_become_values_of_the_data_model(item: object, value: object) -> None:
    converted = to_value(item)
    assert converted == value
    assert type(converted) is type(value)


@pytest.mark.parametrize("item", [{1, 2}, deque, object(), Usage], ids=repr)
def test_what_the_data_model_has_no_place_for_is_refused_when_it_is_signed(item: object) -> None:
    with pytest.raises(MalformedError):
        make_issuer().sign(FULL[0], commit={"input": item})
