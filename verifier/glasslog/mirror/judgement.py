"""Judge one entry as the log had to judge it when it took it in, and say what state of authority follows.

This is the log's admission once more (RFC 9943, Registration), with the same code and in the order of the log: the form
of statement and record, a key that was registered earlier in the log and valid at the log's time of the entry, the
policy in force, the signature. An entry that fails changes nothing: later ones are judged as if it were not there.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from glasslog.audit.extract import EXTRACTING, Extract
from glasslog.audit.facts import Subject, subject_of
from glasslog.authority import Authority
from glasslog.errors import AuthorityError, GlasslogError, SignatureError
from glasslog.keys import PublicKey
from glasslog.merkle import LeafIndex
from glasslog.records import POLICY_RECORD_TYPES, decode_record
from glasslog.records.mould import Moulds
from glasslog.statement import CONTENT_TYPE_RECORD, SignedStatement, decode_statement, signature_and_signed
from glasslog.statement_frame import DECISION_FRAME, SUBJECT_BYTES, Signatory, decision_of, glance

SCHEMA: Final = "schema"
"""The entry is no statement in our profile, or no record of its type."""
AUTHORITY: Final = "authority"
"""Nobody had registered the key, it was not valid then, or the policy did not admit the entry."""
SIGNATURE: Final = "signature"
"""The signature does not verify."""

_MS_PER_S: Final = 1_000
_SIGNATORIES_MAX: Final = 128  # whose forms of records are kept in memory; some 26 KB a form, mostly a few of each


@lru_cache(maxsize=_SIGNATORIES_MAX)
def _moulds_of(signatory: Signatory) -> Moulds[Extract]:  # noqa: ARG001  the key: vendors do not share their forms
    return Moulds(EXTRACTING, DECISION_FRAME)


Judged: TypeAlias = tuple[Signatory | None, Subject, Extract | None, str | None, GlasslogError | None]
"""A Judgement as a plain tuple, for there are millions."""
_Signed: TypeAlias = list[tuple[int, PublicKey, bytes]]  # which entry, its key, the signature with what it signs


class Judgement(NamedTuple):
    """What an entry is.

    `signatory` and `subject` are None where not even the statement could be decoded. `extract` is None for content
    without a record, and for what was refused for `error`.
    """

    signatory: Signatory | None
    subject: Subject
    extract: Extract | None
    check: str | None
    error: GlasslogError | None


class Judge:
    """Judge the entries of a log in order. `authority` is the state after the last of them."""

    def __init__(self, authority: Authority | None) -> None:
        """Take the state of authority before the first entry: None before entry 0 alone, which has to establish it."""
        self._permitted: dict[tuple[Signatory, str], PublicKey] = {}  # by this authority, at this time
        self._time_s = -1
        self._follow(authority)

    def judge_all(self, entries: Sequence[bytes | None], first: int, time_s: int) -> list[Judged]:
        """Judge entries from index `first` on, all first covered by a head of `time_s`; None is an entry not known.

        Records about decisions that are like others before them are read as one expression, and their signatures are
        verified one after another, at the end: a processor is quickest at it then. Costs 64 us of one core for each.
        """
        permitted = self._permitted
        if time_s != self._time_s:
            permitted.clear()
            self._time_s = time_s
        judged: list[Judged] = []
        signed: _Signed = []
        for index, entry in enumerate(entries, first):
            if entry is None:
                judged.append((None, None, None, None, None))
                continue
            signatory, end = glance(entry)
            if signatory is not None and len(entry) <= self._entry_bytes_max:
                extract = _moulds_of(signatory).find(entry, end - SUBJECT_BYTES)
                key = None
                if extract is not None:
                    record_type = extract[0][0][0]
                    key = permitted.get((signatory, record_type)) or self._permit(signatory, record_type, time_s)
                if key is not None:
                    signed.append((len(judged), key, signature_and_signed(entry, end)))
                    judged.append((signatory, decision_of(entry, end), extract, None, None))
                    continue
            judged.append(self.judge(entry, index, time_s))
        _verify(signed, judged)
        return judged

    def judge(self, entry: bytes, index: int, time_s: int) -> Judged:
        """Judge entry `index`, whatever it is. Costs up to 200 us beside the signature check."""
        signatory = subject = extract = None
        stage = SCHEMA
        try:
            statement = decode_statement(entry)
            signatory, subject = statement.signatory, subject_of(statement.subject)
            if statement.content_type == CONTENT_TYPE_RECORD:
                extract = _moulds_of(signatory).read(entry, statement.payload_start, statement.payload_end)
            stage = AUTHORITY
            if self.authority is None:
                self._follow(_establish(statement, index))
                return signatory, subject, extract, None, None
            record_type = None if extract is None else extract[0][0][0]
            key = _key(self.authority, statement.signatory, record_type, time_s)
            self.authority.check_entry_bytes(len(entry))
            stage = SIGNATURE
            statement.verify(key)
            if record_type in POLICY_RECORD_TYPES:
                stage = AUTHORITY
                self._follow(self.authority.apply(statement, decode_record(statement.payload), LeafIndex(index)))
        except GlasslogError as error:
            return signatory, subject, None, stage, error
        return signatory, subject, extract, None, None

    def _follow(self, authority: Authority | None) -> None:
        """Go on with another state of authority, by which everything is asked anew."""
        self.authority = authority
        self._entry_bytes_max = 0 if authority is None else authority.policy.entry_bytes_max
        self._permitted.clear()

    def _permit(self, signatory: Signatory, record_type: str, time_s: int) -> PublicKey | None:
        """Return the key of a signatory who may sign records of a type at a time, and remember it; None for others.

        Neither content that is no record nor records that may change what is permitted are for this.
        """
        if self.authority is None or record_type in POLICY_RECORD_TYPES:
            return None
        if signatory.content_type != CONTENT_TYPE_RECORD:
            return None
        try:
            key = _key(self.authority, signatory, record_type, time_s)
        except GlasslogError:
            return None
        self._permitted[signatory, record_type] = key
        return key


def _verify(signed: _Signed, judged: list[Judged]) -> None:
    """Verify signatures, and judge anew what has a wrong one."""
    for position, key, message in signed:
        try:
            key.verify_signed(message)
        except SignatureError as error:
            judged[position] = (*judged[position][:2], None, SIGNATURE, error)


def _key(authority: Authority, signatory: Signatory, record_type: str | None, time_s: int) -> PublicKey:
    """Return the key that a signatory's statements are to be verified with. Raises UnknownKeyError, AuthorityError."""
    issuer, kid, content_type = signatory
    key = authority.key_for(issuer, kid, time_s * _MS_PER_S)
    authority.check_kind(kid, content_type, record_type)
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
