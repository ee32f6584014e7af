"""Remember the operator's own entries: which they are, which keys they register, under which keys the log has spoken.

`glasslog.authority` keeps what is in force; this keeps what was, for whoever has to look back: evidence bundles carry
the entries that made a key valid, and retired log keys stay published. Learned from the log itself, a page at a time,
and only what is new since the last question.
"""

from dataclasses import dataclass
from typing import Final

from glasslog.authority import Authority
from glasslog.keys import PublicKey
from glasslog.merkle import LeafIndex
from glasslog.records import POLICY_RECORD_TYPES, LogPolicy, decode_record
from glasslog.statement import CONTENT_TYPE_RECORD, SignedStatement
from glasslog_server.reader import LogReader

_PAGE: Final = 256
_LOG_POLICY: Final = "log-policy"


@dataclass(frozen=True, slots=True)
class OperatorEntry:
    """An entry by the operator: a log-policy with its log keys, or a registration with the kid that it is about."""

    index: LeafIndex
    kid: bytes | None
    log_keys: tuple[PublicKey, ...]


class OperatorEntries:
    """Know the operator's entries of one log up to the published head. For use on one event loop."""

    def __init__(self) -> None:
        self._entries: list[OperatorEntry] = []
        self._next = LeafIndex(0)

    async def learn(self, reader: LogReader, authority: Authority) -> tuple[OperatorEntry, ...]:
        """Return the operator's entries in the order of the log, after looking at those that are new.

        Costs one read for each entry that has the operator's name as its subject and was not looked at before.
        """
        following: LeafIndex | None = self._next
        while following is not None:
            page, following = await reader.decisions(authority.operator_issuer, following, _PAGE)
            for place in page:
                statement = await reader.statement(place.index)
                if place.index < self._next:  # another request has looked at it meanwhile
                    continue
                entry = _operator_entry(statement, place.index, authority)
                if entry is not None:
                    self._entries.append(entry)
                self._next = LeafIndex(place.index + 1)
        return tuple(self._entries)


def _operator_entry(statement: SignedStatement, index: LeafIndex, authority: Authority) -> OperatorEntry | None:
    """Return what an entry of the operator is, None for one of somebody else about the log."""
    if statement.issuer != authority.operator_issuer or statement.content_type != CONTENT_TYPE_RECORD:
        return None
    record = decode_record(statement.payload)
    if record.type not in POLICY_RECORD_TYPES:
        return None
    if record.type == _LOG_POLICY:
        return OperatorEntry(index, None, LogPolicy.of_body(record.body).log_keys)
    return OperatorEntry(index, PublicKey(record.body["key"]).kid, ())
