"""Judge one entry as the log had to judge it when it took it in, and say what state of authority follows.

This is the log's admission once more (RFC 9943, Registration), with the same code and in the order of the log: the form
of statement and record, a key that was registered earlier in the log and valid at the log's time of the entry, the
policy in force, the signature. An entry that fails changes nothing: later ones are judged as if it were not there.
"""

from typing import Final, NamedTuple, TypeAlias

from glasslog.audit.extract import EXTRACTING, Extract
from glasslog.authority import Authority
from glasslog.errors import AuthorityError, GlasslogError
from glasslog.keys import PublicKey
from glasslog.merkle import LeafIndex
from glasslog.records import POLICY_RECORD_TYPES, decode_record
from glasslog.records.mould import Moulds
from glasslog.statement import CONTENT_TYPE_RECORD, SignedStatement, decode_statement

SCHEMA: Final = "schema"
"""The entry is no statement in our profile, or no record of its type."""
AUTHORITY: Final = "authority"
"""Nobody had registered the key, it was not valid then, or the policy did not admit the entry."""
SIGNATURE: Final = "signature"
"""The signature does not verify."""

_MS_PER_S: Final = 1_000
_extract: Final = Moulds(EXTRACTING).read


Judged: TypeAlias = tuple[SignedStatement | None, Extract | None, str | None, GlasslogError | None]
"""A Judgement as a plain tuple, for there are millions."""


class Judgement(NamedTuple):
    """What an entry is. `extract` is None for content without a record, and for what was refused for `error`."""

    statement: SignedStatement | None
    extract: Extract | None
    check: str | None
    error: GlasslogError | None


class Judge:
    """Judge the entries of a log in order. `authority` is the state after the last of them."""

    def __init__(self, authority: Authority | None) -> None:
        """Take the state of authority before the first entry: None before entry 0 alone, which has to establish it."""
        self.authority = authority
        self._time_s = -1
        self._permitted: dict[tuple[str, bytes, str | None], PublicKey] = {}  # by this authority, at this time
        self._entry_bytes_max = 0

    def judge(self, entry: bytes, index: int, time_s: int) -> Judged:
        """Judge entry `index`, first covered by a head of `time_s`, POSIX seconds. Costs one signature check."""
        statement = extract = None
        stage = SCHEMA
        try:
            statement = decode_statement(entry)
            issuer, _, kid, content_type, _, _, start = statement
            if content_type == CONTENT_TYPE_RECORD:
                extract = _extract(entry, start, statement.payload_end)
            stage = AUTHORITY
            if self.authority is None:
                self.authority = _establish(statement, index)
                return statement, extract, None, None
            record_type = None if extract is None else extract[0][0][0]
            key = self._permitted.get((issuer, kid, record_type)) if time_s == self._time_s else None
            if key is None or len(entry) > self._entry_bytes_max:
                key = self._key(self.authority, statement, record_type, time_s)
            stage = SIGNATURE
            statement.verify(key)
            if record_type in POLICY_RECORD_TYPES:
                stage = AUTHORITY
                self.authority = self.authority.apply(statement, decode_record(statement.payload), LeafIndex(index))
                self._permitted.clear()
        except GlasslogError as error:
            return statement, None, stage, error
        return statement, extract, None, None

    def _key(self, authority: Authority, statement: SignedStatement, record_type: str | None, time_s: int) -> PublicKey:
        """Return the key that the statement is to be verified with. Raises UnknownKeyError, AuthorityError.

        For a record it is asked once for each signer, type and time.
        """
        if time_s != self._time_s:
            self._permitted.clear()
            self._time_s = time_s
        issuer, kid = statement.issuer, statement.kid
        key = authority.key_for(issuer, kid, time_s * _MS_PER_S)
        authority.check_kind(kid, statement.content_type, record_type)
        authority.check_entry_bytes(len(statement.entry))
        if record_type is not None:  # other content differs in its type
            self._entry_bytes_max = authority.policy.entry_bytes_max
            self._permitted[issuer, kid, record_type] = key
        return key


def judge(
    entry: bytes, index: LeafIndex, authority: Authority | None, time_s: int
) -> tuple[Judgement, Authority | None]:
    """Judge one entry by the authority before it; return the authority after it too."""
    one = Judge(authority)
    return Judgement(*one.judge(entry, index, time_s)), one.authority


def _establish(statement: SignedStatement, index: int) -> Authority:
    if index != 0:
        msg = "expected an entry 0 that establishes the log's policy, got none"
        raise AuthorityError(msg)
    return Authority.establish(statement)
