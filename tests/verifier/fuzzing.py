"""What every decoder is tried with: any bytes are accepted or are a MalformedError, and nothing else happens.

`assert_total` is that contract. `mutations` are the ways in which a valid file is spoiled; each has a name.
"""

from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import strategies as st

from glasslog.errors import GlasslogError, MalformedError, UncheckableError

Decoder = Callable[[bytes], Any]


def accepted(decode: Decoder, data: bytes) -> bool:
    """Tell whether `decode` accepts `data`; any error but MalformedError (UncheckableError for keys) fails the test."""
    try:
        decode(data)
    except (MalformedError, UncheckableError) as error:
        assert str(error), "an error says what was expected"
        return False
    return True


def assert_total(decode: Decoder, data: bytes) -> None:
    accepted(decode, data)


def truncations(data: bytes) -> Iterator[bytes]:
    return (data[:end] for end in range(len(data)))


def bit_flips(data: bytes) -> Iterator[bytes]:
    for position in range(len(data)):
        for bit in (0x01, 0x20, 0x80):
            yield data[:position] + bytes((data[position] ^ bit,)) + data[position + 1 :]


def insertions(data: bytes) -> Iterator[bytes]:
    for extra in (b"\0", b"\n", b" ", b"\xff", b"\xf6", b"a"):
        yield data + extra
        yield extra + data


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """Bytes made from valid ones by a few cuts, changes, copies and insertions."""
    spoiled = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        position = draw(st.integers(0, max(len(spoiled) - 1, 0)))
        match draw(st.sampled_from(["set", "delete", "insert", "copy"])):
            case "set" if spoiled:
                spoiled[position] = draw(st.integers(0, 255))
            case "delete":
                del spoiled[position : position + draw(st.integers(1, 40))]
            case "insert":
                spoiled[position:position] = draw(st.binary(max_size=10))
            case _:
                end = position + draw(st.integers(1, 40))
                spoiled[position:position] = spoiled[position:end]
    return bytes(spoiled)


def fails_with(error_class: type[GlasslogError], call: Callable[[], Any]) -> str:
    """Return the message of the error that `call` must end with, of exactly this class."""
    try:
        call()
    except GlasslogError as error:
        assert type(error) is error_class, f"expected {error_class.__name__}, got {error!r}"
        return str(error)
    msg = f"expected {error_class.__name__}, got no error"
    raise AssertionError(msg)
