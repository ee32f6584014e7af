"""What every decoder is tried with: any bytes are accepted or are a MalformedError, and nothing else happens.

`accepted` is that contract; the others are ways in which a valid file is spoiled.
"""

from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import strategies as st

from glasslog.errors import MalformedError, UncheckableError

Decoder = Callable[[bytes], Any]


def accepted(decode: Decoder, data: bytes) -> bool:
    """Tell whether `decode` accepts `data`; any error but MalformedError (UncheckableError for keys) fails the test."""
    try:
        decode(data)
    except (MalformedError, UncheckableError):
        return False
    return True


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
