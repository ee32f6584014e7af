"""Reading kept heads one after another is decoding all of them, wherever the file is cut into chunks."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog.errors import MalformedError
from glasslog.heads import KeptHead, decode_heads, encode_heads
from glasslog.merkle import Hash, TreeSize
from glasslog.sources import head_stream
from glasslog.sources.head_stream import read_heads

HEADS = [KeptHead(TreeSize(size), Hash(bytes(32)), bytes(size % 200), bytes(64)) for size in range(1, 300, 7)]


@given(st.integers(1, 5_000), st.integers(0, len(HEADS)))
def test_all_heads_come_whatever_the_chunks(chunk: int, count: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(head_stream, "_CHUNK_BYTES", chunk)
        assert list(read_heads(io.BytesIO(encode_heads(HEADS[:count])))) == HEADS[:count]


@given(st.binary(max_size=300) | st.integers(0, 900).map(lambda end: encode_heads(HEADS)[:end]), st.integers(1, 64))
def test_what_is_malformed_as_a_whole_is_malformed_in_chunks(data: bytes, chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(head_stream, "_CHUNK_BYTES", chunk)
        try:
            whole = decode_heads(data)
        except MalformedError:
            with pytest.raises(MalformedError):
                list(read_heads(io.BytesIO(data)))
            return
        assert list(read_heads(io.BytesIO(data))) == whole
