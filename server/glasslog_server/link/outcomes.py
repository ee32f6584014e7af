"""What became of a submission, on the link. Pure.

    OUTCOMES  number(u32) heads(u8) { size(u64) length(u16) head }*  { run(u8) count(u32) first(u64) head(u8) |
                                                                       refusal(u8) retry(u32) length(u16) text }*
    REFUSED   number(u32) retry(u32) length(u16) text

Nearly always all candidates of a submission got the places behind each other in the round that published the newest
head: that is one run. A head of length 0 is one that the worker was told of in a publication; others come whole, as a
row of the store. A text is the constant code of an error, a line feed, and its message.
"""

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Final, TypeAlias, cast

from glasslog.errors import AuthorityError, GlasslogError, MalformedError, UnknownKeyError
from glasslog.merkle import Hash, LeafIndex, TreeSize
from glasslog_server.core.limits import ROUND_ENTRIES_MAX
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
from glasslog_server.link.heads import decode_head, encode_head
from glasslog_server.storage.store import TreeHead
from glasslog_server.submissions import Sequenced

Refusal: TypeAlias = GlasslogError | ServerError

_NUMBER: Final = struct.Struct(">I")
_SIZED: Final = struct.Struct(">QH")
_RUN: Final = struct.Struct(">BIQB")
_REFUSAL: Final = struct.Struct(">BIH")
_WHOLE_REFUSAL: Final = struct.Struct(">IIH")
_NEW, _DUPLICATES, _REFUSED = 0, 1, 2
_HEADS_MAX: Final = 255
_TEXT_BYTES_MAX: Final = 2_048

_BY_CODE: Final[Mapping[str, type[Refusal]]] = {
    error.code: error
    for error in (
        # of one candidate, by the policy in force when it was sequenced, or by its issuer's quota
        AuthorityError,
        MalformedError,
        UnknownKeyError,
        QuotaError,
        # of a submission as a whole
        TreeRangeError,
        OverloadedError,
        StoppingError,
        InterruptedWriteError,
        UnavailableError,
    )
}


def encode_outcomes(number: int, outcomes: Sequence[IntakeOutcome], told: TreeSize) -> list[bytes]:
    """Return the payload, in parts; `told` is the size of the head that this worker was told of last."""
    heads: dict[TreeSize, TreeHead] = {}
    parts: list[bytes] = []
    start = 0
    while start < len(outcomes):
        outcome = outcomes[start]
        if isinstance(outcome, Sequenced):
            end = _end_of_run(outcomes, start)
            heads.setdefault(outcome.head.size, outcome.head)
            place = list(heads).index(outcome.head.size)
            kind = _DUPLICATES if outcome.duplicate else _NEW
            parts.append(_RUN.pack(kind, end - start, outcome.index, place))
            start = end
        else:
            text = _encode_error(outcome)
            parts += (_REFUSAL.pack(_REFUSED, _retry_after_s(outcome), len(text)), text)
            start += 1
    if len(heads) > _HEADS_MAX:
        msg = f"expected outcomes under at most {_HEADS_MAX} tree heads in one submission, got {len(heads)}"
        raise LinkError(msg)
    return [_NUMBER.pack(number), bytes((len(heads),)), *_encode_heads(heads, told), *parts]


def _end_of_run(outcomes: Sequence[IntakeOutcome], start: int) -> int:
    """Return where the outcomes end that continue the one at `start`: the next index each, and else the same."""
    first = outcomes[start]
    if not isinstance(first, Sequenced):
        return start
    head, duplicate, offset = first.head, first.duplicate, first.index - start
    for position in range(start + 1, len(outcomes)):
        outcome = outcomes[position]
        if not (
            isinstance(outcome, Sequenced)
            and outcome.head is head
            and outcome.index - position == offset
            and outcome.duplicate is duplicate
        ):
            return position
    return len(outcomes)


def _encode_heads(heads: Mapping[TreeSize, TreeHead], told: TreeSize) -> Iterator[bytes]:
    for size, head in heads.items():
        data = b"" if size == told else encode_head(head)
        yield _SIZED.pack(size, len(data)) + data


def encode_refusal(number: int, error: Refusal) -> list[bytes]:
    """Return the payload that refuses a submission as a whole, in parts."""
    text = _encode_error(error)
    return [_WHOLE_REFUSAL.pack(number, _retry_after_s(error), len(text)), text]


def _encode_error(error: Refusal) -> bytes:
    """Return code and message; an error that has no business here is told as the log's own not being available."""
    code = error.code if error.code in _BY_CODE else UnavailableError.code
    return f"{code}\n{error}".encode()[:_TEXT_BYTES_MAX]


def _retry_after_s(error: Refusal) -> int:
    return error.retry_after_s if isinstance(error, QuotaError) else 0


def number_of(data: bytes) -> int:
    """Return which submission OUTCOMES or REFUSED is about. Raises LinkError."""
    if len(data) < _NUMBER.size:
        msg = f"expected the number of a submission, got {len(data)} bytes"
        raise LinkError(msg)
    return int(_NUMBER.unpack_from(data)[0])


def decode_outcomes(
    data: bytes, hashes: Sequence[Hash], head_of: Callable[[TreeSize], TreeHead]
) -> list[IntakeOutcome]:
    """Return the outcome of each candidate, whose leaf hashes are given in order.

    `head_of` gives a head that was told before, or raises LinkError. Raises LinkError.
    """
    try:
        heads, position = _decode_heads(data, head_of)
        return _decode_parts(data, position, hashes, heads)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        msg = f"expected outcomes of {len(hashes)} candidates, got {len(data)} bytes that are none: {error}"
        raise LinkError(msg) from error


def _decode_heads(data: bytes, head_of: Callable[[TreeSize], TreeHead]) -> tuple[list[TreeHead], int]:
    position = _NUMBER.size + 1
    heads = []
    for _ in range(data[_NUMBER.size]):
        size, length = _SIZED.unpack_from(data, position)
        position += _SIZED.size
        heads.append(decode_head(data[position : position + length]) if length else head_of(TreeSize(size)))
        position += length
    return heads, position


def _decode_parts(data: bytes, position: int, hashes: Sequence[Hash], heads: list[TreeHead]) -> list[IntakeOutcome]:
    outcomes: list[IntakeOutcome] = []
    while position < len(data):
        if data[position] == _REFUSED:
            _, retry_after_s, length = _REFUSAL.unpack_from(data, position)
            position += _REFUSAL.size
            refusal = _decode_error(data[position : position + length], length, retry_after_s)
            if not isinstance(refusal, GlasslogError | QuotaError):
                msg = f"expected the refusal of one candidate, got {refusal.code}"
                raise LinkError(msg)
            outcomes.append(refusal)
            position += length
            continue
        kind, count, first, place = _RUN.unpack_from(data, position)
        position += _RUN.size
        covered = hashes[len(outcomes) : len(outcomes) + count]
        if kind not in {_NEW, _DUPLICATES} or not 1 <= count <= ROUND_ENTRIES_MAX or len(covered) != count:
            msg = f"expected a run of candidates that were submitted, got {count} of kind {kind}"
            raise LinkError(msg)
        indexes = cast("Sequence[LeafIndex]", range(first, first + count))
        outcomes += map(Sequenced, indexes, covered, repeat(heads[place]), repeat(kind == _DUPLICATES))
    if len(outcomes) != len(hashes):
        msg = f"expected {len(hashes)} outcomes, got {len(outcomes)}"
        raise LinkError(msg)
    return outcomes


def decode_refusal(data: bytes) -> Refusal:
    """Return the error that refuses a submission as a whole. Raises LinkError."""
    try:
        _, retry_after_s, length = _WHOLE_REFUSAL.unpack_from(data)
        return _decode_error(data[_WHOLE_REFUSAL.size :], length, retry_after_s)
    except (struct.error, UnicodeDecodeError) as error:
        msg = f"expected the refusal of a submission, got {len(data)} other bytes"
        raise LinkError(msg) from error


def _decode_error(data: bytes, length: int, retry_after_s: int) -> Refusal:
    if len(data) != length or length > _TEXT_BYTES_MAX:
        msg = f"expected the text of an error of {length} bytes, got {len(data)}"
        raise LinkError(msg)
    code, _, message = data.decode(errors="replace").partition("\n")
    error = _BY_CODE.get(code)
    if error is None:
        msg = "expected the code of an error that refuses candidates or submissions, got another"
        raise LinkError(msg)
    return QuotaError(message, retry_after_s or 1) if error is QuotaError else error(message)
