"""Statements by signers that were seen before have the answer of the ordinary way, whatever is done to them."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog import cbor, statement_frame
from glasslog import statement as statements
from glasslog.authority import operator_issuer
from glasslog.cose import CWT_ISS, CWT_SUB, EMPTY_MAP, Sign1
from glasslog.errors import MalformedError
from glasslog.statement import SignedStatement, _decode_any, decode_statement, sign_statement
from glasslog.statement_frame import Signatory
from tests.verifier.evidence import ISSUER, ISSUER_KEY, inference
from tests.verifier.fuzzing import bit_flips, damaged, insertions, truncations

SUBJECTS = [f"urn:uuid:{number:08x}-0000-4000-8000-000000000000" for number in range(4)]
STATEMENT = inference(subject=SUBJECTS[0])


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> dict[bytes, Signatory]:
    """Begin each test with one issuer that is known."""
    fresh: dict[bytes, Signatory] = {}
    monkeypatch.setattr(statement_frame, "_known", fresh)
    decode_statement(STATEMENT.entry)
    assert len(fresh) == 1
    return fresh


def answer(decoder: Callable[[bytes], SignedStatement], entry: bytes) -> object:
    try:
        return decoder(entry)
    except MalformedError as error:
        return type(error), str(error)


def same(entry: bytes) -> None:
    assert answer(decode_statement, entry) == answer(_decode_any, entry)


def test_another_statement_of_the_issuer_is_known_by_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    others = [inference(seq, subject=subject) for seq, subject in enumerate(SUBJECTS)]
    expected = [decode_statement(other.entry) for other in others]
    monkeypatch.setattr(statements, "_decode_any", lambda _: pytest.fail("it was known"))
    assert [decode_statement(other.entry) for other in others] == expected


@pytest.mark.parametrize("spoil", [bit_flips, truncations, insertions])
def test_every_bit_counts(spoil: object) -> None:
    for entry in spoil(inference(1, subject=SUBJECTS[1]).entry):  # type: ignore[operator]
        same(entry)


@given(damaged(inference(2, subject=SUBJECTS[2]).entry) | st.binary(max_size=200))
def test_any_bytes_have_the_answer_of_the_ordinary_way(entry: bytes) -> None:
    same(entry)


@given(st.text("!~:0aé\x7f ", min_size=36, max_size=36), st.integers(0, 600), st.integers(0, 3))
def test_statements_around_the_form_have_the_same_answer(name: str, payload: int, extra: int) -> None:
    """Subs that are no URI, payloads of all lengths of heads, and bytes behind the end."""
    protected = STATEMENT.protected[:-36] + name.encode()
    for head in (protected, STATEMENT.protected[:-36] + name.encode()[:36]):
        same(Sign1(head, EMPTY_MAP, bytes(payload), bytes(64)).encode() + bytes(extra))


@pytest.mark.parametrize("size", [0, 23, 24, 255, 256, 60_000, 60_001])
def test_payloads_at_the_limits(size: int) -> None:
    same(Sign1(STATEMENT.protected, EMPTY_MAP, bytes(size), bytes(64)).encode())


def test_a_sub_that_stands_elsewhere_too_is_not_taken_for_the_last() -> None:
    """Here iss and sub are the same URN: what stands last cannot be told apart from what stands before it."""
    both = sign_statement(ISSUER_KEY, issuer=SUBJECTS[0], subject=SUBJECTS[0], payload=bytes(300))
    decode_statement(both.entry)
    for subject in SUBJECTS:
        entry = sign_statement(ISSUER_KEY, issuer=SUBJECTS[0], subject=subject, payload=bytes(300)).entry
        same(entry)


def test_a_sub_of_the_right_form_in_a_place_of_its_own() -> None:
    """A header that ends in a text of the same length which is not the sub is decoded in the ordinary way."""
    headers = cbor.decode(STATEMENT.protected)
    headers[15] = {CWT_ISS: ISSUER, CWT_SUB: "urn:x", 9: SUBJECTS[0]}
    for last in SUBJECTS[:2]:
        headers[15][9] = last
        entry = Sign1(cbor.encode(headers), EMPTY_MAP, bytes(300), bytes(64)).encode()
        same(entry)
        assert decode_statement(entry).subject == "urn:x"


def test_the_operators_own_subs_are_decoded_as_ever() -> None:
    issuer = operator_issuer("log.example/2025")
    statement = sign_statement(ISSUER_KEY, issuer=issuer, subject=issuer, payload=bytes(300))
    decode_statement(statement.entry)
    same(statement.entry)


def test_few_beginnings_are_kept(known: dict[bytes, Signatory], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statement_frame, "_KNOWN_MAX", 3)
    for number in range(10):
        issuer = f"https://{number}.example"
        decode_statement(sign_statement(ISSUER_KEY, issuer=issuer, subject=SUBJECTS[0], payload=bytes(300)).entry)
    assert 1 <= len(known) <= 3
