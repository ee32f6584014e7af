"""What one process says on the link the other hears, and any bytes are accepted or raise LinkError."""

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog.errors import AuthorityError, MalformedError, UnknownKeyError
from glasslog.merkle import Hash, LeafIndex, TreeSize
from glasslog.tiles import TileId
from glasslog_server.core.round import Candidate
from glasslog_server.errors import (
    InterruptedWriteError,
    LinkError,
    OverloadedError,
    QuotaError,
    ServerError,
    StoppingError,
    TreeRangeError,
    UnavailableError,
)
from glasslog_server.intake import IntakeOutcome
from glasslog_server.link import messages
from glasslog_server.link.candidates import decode_submission, encode_submission
from glasslog_server.link.frames import FRAME_BYTES_MAX, FROM_SEQUENCER, FROM_WORKER, FrameReader, Kind, encode_frame
from glasslog_server.link.heads import decode_head, encode_head
from glasslog_server.link.outcomes import decode_outcomes, decode_refusal, encode_outcomes, encode_refusal, number_of
from glasslog_server.publication import PolicyEntry, Publication
from glasslog_server.storage.store import TreeHead
from glasslog_server.submissions import Sequenced

hashes = st.binary(min_size=32, max_size=32).map(Hash)
numbers = st.integers(0, 2**32 - 1)
places = st.integers(0, 2**63 - 1)
candidates = st.builds(
    Candidate,
    st.binary(max_size=300),
    hashes,
    st.text(max_size=20),
    st.text(max_size=50),
    st.binary(min_size=32, max_size=32),
    st.text(max_size=20),
    st.none() | st.text(max_size=10),
    st.none() | st.tuples(st.text(max_size=10), st.integers(0, 2**64 - 1)),
)
heads = st.builds(
    TreeHead,
    places.map(TreeSize),
    hashes,
    st.integers(0, 2**40),
    st.binary(max_size=300),
    st.binary(max_size=200),
    st.binary(min_size=64, max_size=64),
)
policy_entries = st.lists(st.builds(PolicyEntry, places.map(LeafIndex), st.binary(max_size=100)), max_size=5)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=50)


@given(st.lists(st.tuples(st.sampled_from(sorted(FROM_WORKER)), st.binary(max_size=100))), st.data())
def test_frames_arrive_whole_however_the_stream_is_cut(frames: list[tuple[Kind, bytes]], data: st.DataObject) -> None:
    stream = b"".join(encode_frame(kind, [payload[:3], payload[3:]]) for kind, payload in frames)
    reader = FrameReader(FROM_WORKER)
    heard = []
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        heard += reader.feed(stream[:cut])
        stream = stream[cut:]
    assert heard == frames


@given(st.lists(st.binary(max_size=50)))
def test_any_bytes_are_frames_or_raise(parts: list[bytes]) -> None:
    reader = FrameReader(FROM_SEQUENCER)
    with contextlib.suppress(LinkError):
        for part in parts:
            for kind, _ in reader.feed(part):
                assert kind in FROM_SEQUENCER


def test_frames_of_the_wrong_side_and_above_the_limit_are_refused() -> None:
    with pytest.raises(LinkError):
        FrameReader(FROM_WORKER).feed(encode_frame(Kind.WELCOME))
    with pytest.raises(LinkError):
        FrameReader(FROM_WORKER).feed((FRAME_BYTES_MAX + 1).to_bytes(4, "big") + bytes((Kind.SUBMIT,)))
    with pytest.raises(LinkError):
        encode_frame(Kind.SUBMIT, [bytes(FRAME_BYTES_MAX)])


@given(numbers, st.lists(candidates, min_size=1, max_size=20))
def test_a_submission_arrives_as_it_was(number: int, submitted: list[Candidate]) -> None:
    payload = b"".join(encode_submission(number, submitted))
    assert decode_submission(payload) == (number, submitted)
    for broken in (payload[:-1], payload + b"\0"):
        with pytest.raises(LinkError):
            decode_submission(broken)


@given(st.lists(candidates, min_size=1, max_size=5), st.data())
def test_a_damaged_submission_is_one_or_raises(submitted: list[Candidate], data: st.DataObject) -> None:
    payload = bytearray(b"".join(encode_submission(1, submitted)))
    place = data.draw(st.integers(0, len(payload) - 1))
    payload[place] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(LinkError):
        decode_submission(bytes(payload))


@given(st.binary(max_size=300), st.lists(hashes, max_size=4))
def test_any_bytes_are_a_message_or_raise(payload: bytes, leaves: list[Hash]) -> None:
    decoders: list[Callable[[bytes], object]] = [
        decode_submission,
        decode_head,
        decode_refusal,
        number_of,
        messages.decode_hello,
        messages.decode_welcome,
        messages.decode_publication,
        messages.decode_number,
        messages.decode_readiness,
        messages.decode_metrics,
        messages.decode_leaf_hash,
        lambda data: decode_outcomes(data, leaves, _unknown_head),
    ]
    for decode in decoders:
        with contextlib.suppress(LinkError):
            decode(payload)


def _unknown_head(size: TreeSize) -> TreeHead:
    msg = f"no head of size {size}"
    raise LinkError(msg)


refusals = st.sampled_from([AuthorityError, MalformedError, UnknownKeyError])


@given(numbers, st.lists(heads, min_size=1, max_size=3, unique_by=lambda head: head.size), st.data())
def test_outcomes_arrive_as_they_were(number: int, known: list[TreeHead], data: st.DataObject) -> None:
    outcomes: list[IntakeOutcome] = []
    leaves: list[Hash] = []
    for _ in range(data.draw(st.integers(0, 4))):
        if data.draw(st.booleans()):
            head, first, duplicate = data.draw(st.sampled_from(known)), data.draw(places), data.draw(st.booleans())
            for offset in range(data.draw(st.integers(1, 4))):
                leaves.append(data.draw(hashes))
                outcomes.append(Sequenced(LeafIndex(first + offset), leaves[-1], head, duplicate))
        else:
            leaves.append(data.draw(hashes))
            outcomes.append(data.draw(st.one_of(st.builds(data.draw(refusals), texts), st.just(QuotaError("slow", 7)))))
    payload = b"".join(encode_outcomes(number, outcomes, known[0].size))
    heard = decode_outcomes(payload, leaves, {known[0].size: known[0]}.__getitem__)
    assert number_of(payload) == number
    assert [_shown(outcome) for outcome in heard] == [_shown(outcome) for outcome in outcomes]


def _shown(outcome: IntakeOutcome) -> object:
    if isinstance(outcome, Sequenced):
        return outcome
    return type(outcome), str(outcome), getattr(outcome, "retry_after_s", None)


@pytest.mark.parametrize(
    "kind", [TreeRangeError, OverloadedError, StoppingError, InterruptedWriteError, UnavailableError]
)
def test_a_refused_submission_is_refused_with_the_same_error(kind: type[ServerError]) -> None:
    payload = b"".join(encode_refusal(9, kind("the reason: é")))
    assert number_of(payload) == 9
    error = decode_refusal(payload)
    assert (type(error), str(error)) == (kind, "the reason: é")


def test_an_error_of_the_log_itself_is_told_as_not_now() -> None:
    assert type(decode_refusal(b"".join(encode_refusal(9, LinkError("x"))))) is UnavailableError


@given(
    heads,
    policy_entries,
    st.dictionaries(st.builds(TileId, st.integers(0, 7), places), st.binary(max_size=64), max_size=4),
)
def test_greetings_and_publications_arrive_as_they_were(
    head: TreeHead, entries: list[PolicyEntry], tiles: dict[TileId, bytes]
) -> None:
    assert decode_head(encode_head(head)) == head
    welcome = messages.Welcome(head, entries)
    assert messages.decode_welcome(messages.encode_welcome(welcome)) == welcome
    publication = Publication(LeafIndex(3), head, tiles, entries)
    payload = messages.encode_publication(publication)
    assert messages.decode_publication(payload) == publication
    for broken in (payload[:-1], payload + b"\0"):
        with pytest.raises(LinkError):
            messages.decode_publication(broken)
    hello = messages.Hello(2, 99)
    assert messages.decode_hello(messages.encode_hello(hello)) == hello
    with pytest.raises(LinkError, match="version"):
        messages.decode_hello(b"\x83\x18\x63\x00\x01")
