"""Read kept heads from a file one after another: a long-lived log has millions, and memory holds a few thousand."""

from collections.abc import Iterator
from typing import BinaryIO, Final

from glasslog import cbor
from glasslog.errors import MalformedError
from glasslog.heads import KeptHead, decode_head
from glasslog.limits import HEAD_BYTES_MAX

_CHUNK_BYTES: Final = 1_024 * 1_024


def read_heads(file: BinaryIO) -> Iterator[KeptHead]:
    """Yield the heads in a file from where it stands to its end, ascending. Raises MalformedError."""
    return (head for head, _ in measure_heads(file))


def measure_heads(file: BinaryIO) -> Iterator[tuple[KeptHead, int]]:
    """Yield the heads as `read_heads` does, each with how many bytes it takes."""
    data, position, last = b"", 0, 0
    at_end = False
    while True:
        if not at_end and len(data) - position < HEAD_BYTES_MAX:
            chunk = file.read(_CHUNK_BYTES)
            at_end = not chunk
            data, position = data[position:] + chunk, 0
            continue
        if position >= len(data):
            return
        end = cbor.item_end(data, position)
        head = decode_head(data[position:end])
        if head.size <= last:
            msg = f"expected heads of ascending sizes, got {head.size} after {last}"
            raise MalformedError(msg)
        yield head, end - position
        last, position = head.size, end
