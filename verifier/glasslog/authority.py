"""Who may sign: the state that follows from the operator's entries of a log, replayed in order.

Entry 0 is a `log-policy` signed by the key it names as the operator's. Later entries by that key register and revoke
issuer keys or restate the policy. The server admits by this state and an auditor replays the same code, so both give
the same answer for every entry. An `Authority` is immutable: `apply` returns the next one, and a round of the log can
be tried out and thrown away.

The operator's entries form a stream of their own, `log-policy`, without gaps: each names the leaf hash of the one
before, so none can be left out or put in later.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from glasslog.errors import AuthorityError, MalformedError, UnknownKeyError
from glasslog.keys import PublicKey
from glasslog.merkle import Hash, LeafIndex
from glasslog.records import POLICY_RECORD_TYPES, LogPolicy, Record, decode_record
from glasslog.statement import CONTENT_TYPE_RECORD, SignedStatement

POLICY_STREAM: Final = "log-policy"
_REGISTER: Final = "register"


@dataclass(frozen=True, slots=True)
class RegisteredKey:
    """An issuer's key: valid for entries after `registered_at` at log times in [valid_from, valid_until), POSIX ms."""

    issuer: str
    key: PublicKey
    valid_from: int
    valid_until: int | None
    registered_at: LeafIndex
    revoked_at: LeafIndex | None = None


@dataclass(frozen=True, slots=True)
class Authority:
    """The policy in force and every issuer key registered so far, by kid."""

    policy: LogPolicy
    keys: Mapping[bytes, RegisteredKey] = field(repr=False)
    next_seq: int
    last_leaf: Hash

    @property
    def operator_issuer(self) -> str:
        """Return the iss, and the sub, of the operator's own statements."""
        return operator_issuer(self.policy.origin)

    @classmethod
    def establish(cls, statement: SignedStatement) -> "Authority":
        """Return the state after entry 0, a `log-policy` signed by the operator key in it.

        Raises MalformedError, AuthorityError, SignatureError.
        """
        record = _policy_record(statement)
        if record.type != "log-policy":
            msg = f"expected a log-policy as entry 0, got {record.type}"
            raise AuthorityError(msg)
        policy = LogPolicy.of_body(record.body)
        _check_names(statement, policy.origin)
        _check_place(record, 0, None)
        statement.verify(policy.operator_key)
        return cls(policy, {}, 1, statement.leaf_hash)

    def apply(self, statement: SignedStatement, record: Record, index: LeafIndex) -> "Authority":
        """Return the state after a further policy entry at `index`, whose operator signature was checked by the caller.

        Raises AuthorityError for a statement not by the operator or out of its stream's order, MalformedError.
        """
        if statement.kid != self.policy.operator_key.kid:
            msg = f"expected a {record.type} signed by the operator's key, got kid {statement.kid.hex()}"
            raise AuthorityError(msg)
        _check_names(statement, self.policy.origin)
        _check_place(record, self.next_seq, self.last_leaf)
        following = replace(self, next_seq=self.next_seq + 1, last_leaf=statement.leaf_hash)
        if record.type == "log-policy":
            policy = LogPolicy.of_body(record.body)
            if policy.origin != self.policy.origin:
                msg = f"expected the origin {self.policy.origin}, got {policy.origin}: a log keeps its name"
                raise AuthorityError(msg)
            return replace(following, policy=policy)
        return replace(following, keys={**self.keys, **self._registration(record, index)})

    def _registration(self, record: Record, index: LeafIndex) -> dict[bytes, RegisteredKey]:
        body = record.body
        key = PublicKey(body["key"])
        current = self.keys.get(key.kid)
        if current is not None and current.issuer != body["issuer"]:
            msg = f"expected the key {key.kid.hex()} to stay with {current.issuer}, got {body['issuer']}"
            raise AuthorityError(msg)
        if body["action"] == _REGISTER:
            if key == self.policy.operator_key or key in self.policy.log_keys:
                msg = "expected an issuer's own key, got one of the log"
                raise AuthorityError(msg)
            registered = RegisteredKey(body["issuer"], key, body["valid_from"], body.get("valid_until"), index)
            return {key.kid: registered}
        if current is None or current.revoked_at is not None:
            msg = f"expected a registered key to revoke, got {key.kid.hex()}"
            raise AuthorityError(msg)
        return {key.kid: replace(current, revoked_at=index)}

    def key_for(self, issuer: str, kid: bytes, time_ms: int) -> PublicKey:
        """Return the key that may sign for `issuer` under `kid` at a log time in POSIX milliseconds.

        The operator's key signs for the operator's own name alone. Raises UnknownKeyError, AuthorityError.
        """
        registered = self.keys.get(kid)
        if registered is not None and registered.issuer == issuer:
            if registered.revoked_at is not None:
                msg = f"expected a valid key of {issuer}, got one revoked by entry {registered.revoked_at}"
                raise AuthorityError(msg)
            if time_ms < registered.valid_from or (
                registered.valid_until is not None and time_ms >= registered.valid_until
            ):
                until = "further notice" if registered.valid_until is None else registered.valid_until
                msg = f"expected a key of {issuer} valid at {time_ms}, got one from {registered.valid_from} to {until}"
                raise AuthorityError(msg)
            return registered.key
        if kid == self.policy.operator_key.kid and issuer == self.operator_issuer:
            return self.policy.operator_key
        msg = f"expected a key registered for {issuer}, got kid {kid.hex()}"
        raise UnknownKeyError(msg)

    def check_admissible(self, statement: SignedStatement, record: Record | None) -> None:
        """Check that the policy in force admits this content type, record type and size. Raises AuthorityError.

        Records about the log itself may come from the operator alone, and the operator signs no others.
        """
        self.check_kind(statement.kid, statement.content_type, None if record is None else record.type)
        self.check_entry_bytes(len(statement.entry))

    def check_kind(self, kid: bytes, content_type: str, record_type: str | None) -> None:
        """Check what `check_admissible` checks of all entries of one kind alike. Raises AuthorityError.

        `record_type` is None for content that is no record.
        """
        policy = self.policy
        if content_type not in policy.content_types:
            msg = f"expected a content type that the log admits, got {content_type}"
            raise AuthorityError(msg)
        by_operator = kid == policy.operator_key.kid
        is_policy = record_type in POLICY_RECORD_TYPES
        if by_operator != is_policy:
            msg = "expected records about the log from its operator, and from its operator no others"
            raise AuthorityError(msg)
        if record_type is not None and not is_policy and record_type not in policy.record_types:
            msg = f"expected a record type that the log admits, got {record_type}"
            raise AuthorityError(msg)

    def check_entry_bytes(self, entry_bytes: int) -> None:
        """Check that the policy in force admits an entry of this length. Raises AuthorityError."""
        if entry_bytes > self.policy.entry_bytes_max:
            msg = f"expected an entry of at most {self.policy.entry_bytes_max} bytes, got {entry_bytes}"
            raise AuthorityError(msg)


def operator_issuer(origin: str) -> str:
    """Return the URI under which the operator of the log `origin` signs."""
    return f"https://{origin}"


def _policy_record(statement: SignedStatement) -> Record:
    if statement.content_type != CONTENT_TYPE_RECORD:
        msg = f"expected a policy entry of content type {CONTENT_TYPE_RECORD}, got {statement.content_type}"
        raise MalformedError(msg)
    return decode_record(statement.payload)


def _check_names(statement: SignedStatement, origin: str) -> None:
    expected = operator_issuer(origin)
    if (statement.issuer, statement.subject) != (expected, expected):
        msg = f"expected iss and sub {expected}, got {statement.issuer} and {statement.subject}"
        raise AuthorityError(msg)


def _check_place(record: Record, seq: int, prev: Hash | None) -> None:
    stream = record.stream
    if (stream.id, stream.seq, stream.prev) != (POLICY_STREAM, seq, prev):
        msg = f"expected number {seq} of the stream {POLICY_STREAM} after {prev.hex() if prev else 'nothing'}"
        raise AuthorityError(msg)
