"""Accept, Accept-Encoding and Content-Type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from glasslog_server.http.negotiation import accept_of, accepts_gzip, choose, media_type_of, prefers_json

OFFERS = ("application/cose", "application/cbor", "text/plain")


def headers(*pairs: tuple[str, str]) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict(pairs))


@pytest.mark.parametrize(
    "accept, expected",
    [
        ("", "application/cose"),
        ("*/*", "application/cose"),
        ("application/*", "application/cose"),
        ("text/*", "text/plain"),
        ("application/cbor", "application/cbor"),
        ("APPLICATION/CBOR", "application/cbor"),
        ("application/cbor; cose-type=x", "application/cbor"),
        ("application/cose;q=0.5, application/cbor", "application/cbor"),
        ("application/cose;q=0, */*;q=0.1", "application/cbor"),
        ("*/*;q=0.5, text/plain", "text/plain"),
        ("application/cbor;q=0.5, text/plain;q=0.50", "application/cbor"),
        ("application/cose;q=2", None),
        ("application/cose;q=x", None),
        ("image/png", None),
        ("application/cose;q=0", None),
        (",,;", "application/cose"),
    ],
)
def test_the_best_offer_that_is_accepted_is_chosen(accept: str, expected: str | None) -> None:
    assert choose(accept, OFFERS) == expected


def test_several_headers_count_as_one() -> None:
    given_headers = headers(("Accept", "application/cbor;q=0.1"), ("accept", "text/plain"))
    assert choose(accept_of(given_headers), OFFERS) == "text/plain"
    assert accept_of(headers()) == ""


@pytest.mark.parametrize(
    "encodings, expected",
    [
        (None, False),
        ("gzip", True),
        ("identity", False),
        ("br, gzip;q=0.1", True),
        ("gzip;q=0", False),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
    ],
)
def test_gzip_is_for_those_who_say_so(encodings: str | None, expected: bool) -> None:  # noqa: FBT001
    pairs = [] if encodings is None else [("Accept-Encoding", encodings)]
    assert accepts_gzip(headers(*pairs)) is expected


@pytest.mark.parametrize(
    "accept, expected",
    [
        ("", False),
        ("*/*", False),
        ("application/json", True),
        ("application/problem+json", True),
        ("application/json;q=0", False),
        ("application/json, application/cbor", False),
        ("application/json, application/cbor;q=0.9", True),
        ("application/cose, application/concise-problem-details+cbor", False),
        ("text/html,application/xhtml+xml,*/*;q=0.8", True),
    ],
)
def test_json_is_for_those_who_prefer_it(accept: str, expected: bool) -> None:  # noqa: FBT001
    assert prefers_json(accept) is expected


@pytest.mark.parametrize(
    "header, expected",
    [("application/cose", "application/cose"), (" Application/COSE ; a=b", "application/cose"), ("", ""), (";", "")],
)
def test_a_media_type_is_read_without_its_parameters(header: str, expected: str) -> None:
    assert media_type_of(header) == expected


@given(st.text(max_size=200))
def test_any_header_is_read(text: str) -> None:
    assert choose(text, OFFERS) in {*OFFERS, None}
    prefers_json(text)
    media_type_of(text)
