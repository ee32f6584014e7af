"""A sequence of statements is split where CBOR splits it, the short way or the general one."""

from hypothesis import given
from hypothesis import strategies as st

from glasslog import cbor, cose
from glasslog.cose import EMPTY_MAP, Sign1
from glasslog.errors import MalformedError
from tests.verifier.fuzzing import damaged

messages = st.builds(
    Sign1,
    st.binary(max_size=300),
    st.sampled_from([EMPTY_MAP, b"\xa1\x01\x02"]),
    st.none() | st.binary(max_size=600),
    st.binary(min_size=64, max_size=64),
)


def check(data: bytes, position: int) -> bool:
    end = cose._common_end(data, position)  # noqa: SLF001
    if not end:
        return False
    message, expected = cose.read_sign1(data, position)
    assert (message.unprotected, end) == (EMPTY_MAP, expected)
    return True


@given(messages, st.binary(max_size=5), st.binary(max_size=5))
def test_the_short_way_ends_where_the_general_one_does(message: Sign1, before: bytes, after: bytes) -> None:
    data = before + message.encode() + after
    common = (
        24 <= len(message.protected) <= 255
        and message.unprotected == EMPTY_MAP
        and message.payload is not None
        and len(message.payload) >= 256
    )
    assert check(data, len(before)) == common


@given(messages.flatmap(lambda message: damaged(message.encode())))
def test_of_damaged_messages_too(data: bytes) -> None:
    check(data, 0)


@given(st.lists(messages.map(Sign1.encode), max_size=3).map(b"".join), st.integers(0, 3))
def test_a_sequence_is_split_as_cbor_splits_it(data: bytes, cut: int) -> None:
    data = data[: len(data) - cut]
    try:
        expected = list(cbor.sequence_items(data))
    except MalformedError:
        expected = None
    try:
        found = list(cose.sequence_items(data))
    except MalformedError:
        found = None
    assert found == expected
