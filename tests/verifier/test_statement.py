import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog import cbor
from glasslog.cbor import Value
from glasslog.cose import EMPTY_MAP, Sign1
from glasslog.errors import AlgorithmError, MalformedError, PayloadMissingError, SignatureError
from glasslog.limits import (
    PAYLOAD_BYTES_MAX,
    RECEIPT_BYTES_MAX,
    RECEIPTS_MAX,
    STATEMENT_BYTES_MAX,
    TRANSPARENT_STATEMENT_BYTES_MAX,
    URI_BYTES_MAX,
)
from glasslog.merkle import hash_leaf
from glasslog.statement import (
    CONTENT_TYPE_RECORD,
    SignedStatement,
    TransparentStatement,
    decode_statement,
    decode_transparent_statement,
    sign_statement,
)
from tests.verifier.evidence import ISSUER, ISSUER_KEY, STRANGER_KEY, SUBJECT, inference
from tests.verifier.fuzzing import accepted, bit_flips, damaged, insertions, truncations

STATEMENT = inference()
RECEIPT = b"receipt"
TRANSPARENT = TransparentStatement(STATEMENT, (RECEIPT, RECEIPT)).encode()
URIS = st.from_regex(r"[A-Za-z][A-Za-z0-9+.-]{0,10}:[!-~]{1,60}", fullmatch=True)


@given(URIS, URIS, st.binary(max_size=300), st.sampled_from([CONTENT_TYPE_RECORD, "application/json", "text/x.y+z"]))
def test_statements_come_back_and_verify(issuer: str, subject: str, payload: bytes, content_type: str) -> None:
    statement = sign_statement(ISSUER_KEY, issuer=issuer, subject=subject, payload=payload, content_type=content_type)
    assert decode_statement(statement.entry) == statement
    assert statement.leaf_hash == hash_leaf(statement.entry)
    statement.verify(ISSUER_KEY.public_key)
    transparent = TransparentStatement(statement, (RECEIPT,))
    assert decode_transparent_statement(transparent.encode()) == transparent


def test_the_same_statement_is_always_the_same_entry() -> None:
    assert inference().entry == STATEMENT.entry
    assert decode_transparent_statement(TRANSPARENT).statement.entry == STATEMENT.entry


def test_another_key_does_not_verify() -> None:
    with pytest.raises(SignatureError, match="kid"):
        STATEMENT.verify(STRANGER_KEY.public_key)


def test_no_changed_byte_verifies() -> None:
    for data in (*bit_flips(STATEMENT.entry), *truncations(STATEMENT.entry), *insertions(STATEMENT.entry)):
        assert_read_as_it_is(data)
        if accepted(decode_statement, data):
            with pytest.raises(SignatureError):
                decode_statement(data).verify(ISSUER_KEY.public_key)


@given(st.one_of(st.binary(max_size=200), damaged(STATEMENT.entry)))
def test_any_bytes_are_a_statement_or_malformed(data: bytes) -> None:
    assert_read_as_it_is(data)


def assert_read_as_it_is(data: bytes) -> None:
    """Check that a statement which is accepted says what the general decoder reads in its header."""
    if accepted(decode_statement, data):
        statement = decode_statement(data)
        headers = cbor.decode(statement.protected)
        claims = headers[15]
        assert statement.entry == data
        assert (statement.issuer, statement.subject, statement.kid) == (claims[1], claims[2], headers[4])
        assert statement.content_type == headers[3]


@given(st.one_of(st.binary(max_size=200), damaged(TRANSPARENT)))
def test_any_bytes_are_a_transparent_statement_or_malformed(data: bytes) -> None:
    accepted(decode_transparent_statement, data)


def statement_with(**changes: Value) -> bytes:
    """Return a statement with some header, its payload or its unprotected header replaced; None leaves one out."""
    labels = {"alg": 1, "crit": 2, "content_type": 3, "kid": 4, "claims": 15}
    headers: dict[Value, Value] = {
        1: -8,
        3: CONTENT_TYPE_RECORD,
        4: ISSUER_KEY.public_key.kid,
        15: {1: ISSUER, 2: SUBJECT},
    }
    for name, value in changes.items():
        if name in labels:
            headers[labels[name]] = value
    present = {label: value for label, value in sorted(headers.items()) if value is not None}
    protected = changes.get("protected", cbor.encode(present))
    payload = changes.get("payload", b"payload")
    return Sign1(protected, changes.get("unprotected", EMPTY_MAP), payload, bytes(64)).encode()


def test_an_unchanged_statement_is_read() -> None:
    assert decode_statement(statement_with()).issuer == ISSUER


def test_algorithm_19_is_read_too() -> None:
    assert accepted(decode_statement, statement_with(alg=-19))


REFUSED: dict[str, dict[str, Value]] = {
    "no algorithm": {"alg": None},
    "ES256": {"alg": -7},
    "an algorithm by name": {"alg": "EdDSA"},
    "a true algorithm": {"alg": True},
    "no content type": {"content_type": None},
    "a content type by number": {"content_type": 60},
    "an empty content type": {"content_type": ""},
    "a content type without a slash": {"content_type": "record"},
    "a content type with a parameter": {"content_type": "text/plain; charset=utf-8"},
    "a content type with a line break": {"content_type": "text/plain\n"},
    "no kid": {"kid": None},
    "a kid of 31 bytes": {"kid": bytes(31)},
    "a kid of 33 bytes": {"kid": bytes(33)},
    "a kid that is text": {"kid": "k" * 32},
    "no claims": {"claims": None},
    "claims that are no map": {"claims": [ISSUER, SUBJECT]},
    "no issuer": {"claims": {2: SUBJECT}},
    "no subject": {"claims": {1: ISSUER}},
    "an issuer that is bytes": {"claims": {1: b"https://x", 2: SUBJECT}},
    "an empty issuer": {"claims": {1: "", 2: SUBJECT}},
    "an issuer that is no URI": {"claims": {1: "clinic", 2: SUBJECT}},
    "an issuer with a space": {"claims": {1: "https://clinic .example", 2: SUBJECT}},
    "an issuer with a line break": {"claims": {1: "https://clinic.example\n", 2: SUBJECT}},
    "an issuer outside ASCII": {"claims": {1: "https://клиника.example", 2: SUBJECT}},
    "an issuer that is too long": {"claims": {1: "x:" + "a" * URI_BYTES_MAX, 2: SUBJECT}},
    "a subject that is too long": {"claims": {1: ISSUER, 2: "x:" + "a" * URI_BYTES_MAX}},
    "a critical header": {"crit": [3]},
    "an empty protected header": {"protected": b""},
    "a protected header that is no map": {"protected": cbor.encode([1, 2])},
    "a protected header that is malformed": {"protected": b"\xff"},
    "a protected header in another order": {"protected": bytes.fromhex("a2031818010127")},
    "bytes after the protected header": {"protected": statement_with()[3:20]},
    "an unprotected header": {"unprotected": b"\xa1\x04\x41\x31"},
    "an empty unprotected header, overlong": {"unprotected": b"\xb8\x00"},
    "receipts attached": {"unprotected": cbor.encode({394: [RECEIPT]})},
}


@pytest.mark.parametrize("changes", [pytest.param(changes, id=name) for name, changes in REFUSED.items()])
def test_other_statements_are_refused(changes: dict[str, Value]) -> None:
    assert not accepted(decode_statement, statement_with(**changes))


def test_the_longest_names_fit() -> None:
    longest = {1: "x:" + "a" * (URI_BYTES_MAX - 2), 2: "y:" + "b" * (URI_BYTES_MAX - 2)}
    assert accepted(decode_statement, statement_with(claims=longest))


NIL = "urn:uuid:" + "0" * 36
OTHER = "urn:uuid:" + "1" * 36


@pytest.mark.parametrize("subject", [SUBJECT, NIL, OTHER, NIL[:-1], NIL + "0"])
def test_the_subject_is_the_claim_and_no_text_that_stands_where_it_would(subject: str) -> None:
    """What decoding remembers of headers must not take the last text of a header for the sub."""
    for last in (SUBJECT, NIL, OTHER, "https://x.example/" + "x" * 27):
        for decoy in ({99: last}, {15: {1: ISSUER, 2: subject, 8: last}}):
            headers = {
                1: -8,
                3: CONTENT_TYPE_RECORD,
                4: ISSUER_KEY.public_key.kid,
                15: {1: ISSUER, 2: subject},
                **decoy,
            }
            protected = cbor.encode(dict(sorted(headers.items())))
            assert decode_statement(statement_with(protected=protected)).subject == subject


def test_a_last_text_that_is_not_a_uri_is_refused_as_sub() -> None:
    for bad in ("x" * 45, "urn:uuid:" + "\x00" * 36, "urn:uuid: " + "0" * 35):
        for _ in range(2):  # the second time the headers before it are known
            assert not accepted(decode_statement, statement_with(claims={1: ISSUER, 2: bad}))
            assert accepted(decode_statement, statement_with(claims={1: ISSUER, 2: NIL}))


def test_what_scrapi_tells_apart_has_its_own_error() -> None:
    with pytest.raises(AlgorithmError):
        decode_statement(statement_with(alg=-7))
    with pytest.raises(PayloadMissingError):
        decode_statement(statement_with(payload=None))


def test_statements_are_bounded() -> None:
    largest = sign_statement(ISSUER_KEY, issuer=ISSUER, subject=SUBJECT, payload=bytes(PAYLOAD_BYTES_MAX))
    assert decode_statement(largest.entry) == largest
    with pytest.raises(MalformedError, match="payload"):
        sign_statement(ISSUER_KEY, issuer=ISSUER, subject=SUBJECT, payload=bytes(PAYLOAD_BYTES_MAX + 1))
    with pytest.raises(MalformedError, match="statement of at most"):
        decode_statement(bytes(STATEMENT_BYTES_MAX + 1))
    with pytest.raises(MalformedError, match="transparent statement of at most"):
        decode_transparent_statement(bytes(TRANSPARENT_STATEMENT_BYTES_MAX + 1))


def test_a_statement_is_not_signed_with_headers_that_nobody_reads() -> None:
    with pytest.raises(MalformedError, match="iss"):
        sign_statement(ISSUER_KEY, issuer="clinic", subject=SUBJECT, payload=b"")
    with pytest.raises(MalformedError, match="media type"):
        sign_statement(ISSUER_KEY, issuer=ISSUER, subject=SUBJECT, payload=b"", content_type="record")


REFUSED_UNPROTECTED = {
    "an empty header": EMPTY_MAP,
    "no receipt": cbor.encode({394: []}),
    "a receipt that is text": cbor.encode({394: ["receipt"]}),
    "a receipt that is no list": cbor.encode({394: RECEIPT}),
    "another header": cbor.encode({4: b"kid"}),
    "another header beside": cbor.encode({4: b"kid", 394: [RECEIPT]}),
    "header 394 twice": b"\xa2\x19\x01\x8a\x81\x41x\x19\x01\x8a\x81\x41x",
    "no map": b"\x80",
    "too many receipts": cbor.encode({394: [RECEIPT] * (RECEIPTS_MAX + 1)}),
    "a receipt that is too large": cbor.encode({394: [bytes(RECEIPT_BYTES_MAX + 1)]}),
}


@pytest.mark.parametrize("header", [pytest.param(header, id=name) for name, header in REFUSED_UNPROTECTED.items()])
def test_other_transparent_statements_are_refused(header: bytes) -> None:
    assert not accepted(decode_transparent_statement, statement_with(unprotected=header))


def test_a_statement_shows_neither_payload_nor_signature_when_printed() -> None:
    secret = sign_statement(ISSUER_KEY, issuer=ISSUER, subject=SUBJECT, payload=b"secret words")
    assert "secret" not in repr(secret)
    assert isinstance(secret, SignedStatement)
