"""Judge one statement before it may take the sequencer's time: bytes in, a candidate or a typed refusal out.

The order of the checks, with what each costs for a record of 1 KB:

1. length (nothing)
2. frame and headers, strictly (1 us for one of an issuer that came before, else 15 us)
3. the key that may sign for this issuer now, and, for content that is no record, whether the log takes it (1 us)
4. the signature (55-60 us)
5. the schema of the record (4 us for one of a form that came before, else 15-25 us)
6. whether the log takes this type of record (1 us)

The signature comes before the schema although it costs more: until it is verified the payload is a stranger's, and the
largest parser here is not for strangers. Nor would the other order save anything: an honest statement passes both, and
who wants to waste our time can take the payload of any public entry, which passes the schema.

A batch is judged on the event loop, in slices of about two milliseconds between which everybody else gets a turn, and
one batch after the other. Worker threads were measured on two cores (1,000 statements of 1 KB; libsodium is called
without the interpreter's lock): next to an idle event loop two threads take 30 ms instead of the 60 ms of one, but next
to a busy one 90 to 900 ms, because a thread has to win the lock back after each signature and waits up to 5 ms for it.
A log that takes batches is busy. The way to the second core is a second process.

Nothing here reads or writes, and what is judged here is judged again when it is sequenced: a key may be revoked in
between.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from glasslog.authority import Authority
from glasslog.errors import GlasslogError
from glasslog.limits import STATEMENT_BYTES_MAX
from glasslog.merkle import hash_leaf
from glasslog.records.mould import SUMMARISING, Moulds
from glasslog.statement import CONTENT_TYPE_RECORD, decode_statement
from glasslog_server.core.round import Candidate
from glasslog_server.errors import TooLargeError

SLICE_STATEMENTS: Final = 32
"""Statements judged without a pause: about 2 ms."""

Refusal: TypeAlias = GlasslogError | TooLargeError
"""Why a statement is not a candidate. Its `code` is the reason that is counted; its message holds no content."""


class Admission:
    """Judge statements by the authority in force. One object for each event loop."""

    def __init__(self, authority: Callable[[], Authority], clock: Callable[[], float]) -> None:
        """Take how to learn who may sign, and a clock of POSIX seconds; keys are judged at whole ones, as in rounds."""
        self._authority = authority
        self._clock = clock
        self._moulds = Moulds(SUMMARISING)
        self._turn = asyncio.Lock()

    def admit(self, data: bytes) -> Candidate:
        """Return the candidate that `data`, one Signed Statement, makes. Costs 80 to 100 us.

        Raises TooLargeError, MalformedError, AlgorithmError, PayloadMissingError, UnknownKeyError, AuthorityError,
        SignatureError.
        """
        return self._judge(data, self._authority(), int(self._clock()) * 1_000)

    async def admit_all(self, statements: Sequence[bytes]) -> list[Candidate | Refusal]:
        """Return a candidate, or why there is none, for each statement in order: one refusal does not touch the rest.

        Batches take turns, so that a slice is the longest that the event loop is held whatever arrives.
        """
        outcomes: list[Candidate | Refusal] = []
        async with self._turn:
            for start in range(0, len(statements), SLICE_STATEMENTS):
                outcomes.extend(self._judge_slice(statements[start : start + SLICE_STATEMENTS]))
                await asyncio.sleep(0)
        return outcomes

    def _judge_slice(self, statements: Sequence[bytes]) -> list[Candidate | Refusal]:
        authority, now_ms = self._authority(), int(self._clock()) * 1_000
        outcomes: list[Candidate | Refusal] = []
        for data in statements:
            try:
                outcomes.append(self._judge(data, authority, now_ms))
            except (GlasslogError, TooLargeError) as refusal:
                outcomes.append(refusal)
        return outcomes

    def _judge(self, data: bytes, authority: Authority, now_ms: int) -> Candidate:
        if len(data) > STATEMENT_BYTES_MAX:
            msg = f"expected a statement of at most {STATEMENT_BYTES_MAX} bytes, got {len(data)}"
            raise TooLargeError(msg)
        statement = decode_statement(data)
        issuer, subject, kid, content_type, _, _, payload_start = statement
        key = authority.key_for(issuer, kid, now_ms)
        is_record = content_type == CONTENT_TYPE_RECORD
        if not is_record:
            authority.check_admissible(statement, None)
        statement.verify(key)
        record_type = stream = None
        if is_record:
            record_type, stream_id, seq = self._moulds.read(data, payload_start, statement.payload_end)
            stream = (stream_id, seq)
            authority.check_kind(kid, content_type, record_type)
            authority.check_entry_bytes(len(data))
        return Candidate(data, hash_leaf(data), issuer, subject, kid, content_type, record_type, stream)
