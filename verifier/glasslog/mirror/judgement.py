"""Judge one entry as the log had to judge it when it took it in, and say what state of authority follows.

This is the log's admission once more (RFC 9943, Registration), with the same code and in the order of the log: the form
of statement and record, a key that was registered earlier in the log and valid at the log's time of the entry, the
policy in force, the signature. An entry that fails changes nothing: later ones are judged as if it were not there.
"""

from typing import Final, NamedTuple

from glasslog.authority import Authority
from glasslog.errors import AuthorityError, GlasslogError
from glasslog.merkle import LeafIndex
from glasslog.mirror.known_statements import KnownStatements
from glasslog.records import POLICY_RECORD_TYPES, Record
from glasslog.records.mould import DECODING, Moulds
from glasslog.statement import CONTENT_TYPE_RECORD, SignedStatement

SCHEMA: Final = "schema"
"""The entry is no statement in our profile, or no record of its type."""
AUTHORITY: Final = "authority"
"""Nobody had registered the key, it was not valid then, or the policy did not admit the entry."""
SIGNATURE: Final = "signature"
"""The signature does not verify."""

_MS_PER_S: Final = 1_000
_decode_record: Final = Moulds(DECODING).read
_decode_statement: Final = KnownStatements().decode


class Judgement(NamedTuple):
    """What an entry is. `record` is None for content without one, and for what was refused for `error` by `check`."""

    statement: SignedStatement | None
    record: Record | None
    check: str | None = None
    error: GlasslogError | None = None


def judge(
    entry: bytes, index: LeafIndex, authority: Authority | None, time_s: int
) -> tuple[Judgement, Authority | None]:
    """Judge entry `index`, first covered by a head of `time_s`, POSIX seconds; return the authority after it too.

    `authority` is None before entry 0 alone, which has to establish it. Costs one signature check.
    """
    statement = None
    stage = SCHEMA
    try:
        statement = _decode_statement(entry)
        record = _decode_record(statement.payload) if statement.content_type == CONTENT_TYPE_RECORD else None
        stage = AUTHORITY
        if authority is None:
            return Judgement(statement, record), _establish(statement, index)
        key = authority.key_for(statement.issuer, statement.kid, time_s * _MS_PER_S)
        authority.check_admissible(statement, record)
        stage = SIGNATURE
        statement.verify(key)
        if record is not None and record.type in POLICY_RECORD_TYPES:
            stage = AUTHORITY
            return Judgement(statement, record), authority.apply(statement, record, index)
    except GlasslogError as error:
        return Judgement(statement, None, stage, error), authority
    return Judgement(statement, record), authority


def _establish(statement: SignedStatement, index: LeafIndex) -> Authority:
    if index != 0:
        msg = "expected an entry 0 that establishes the log's policy, got none"
        raise AuthorityError(msg)
    return Authority.establish(statement)
