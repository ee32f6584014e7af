"""Trust policies: which logs and witnesses count, and how many witnesses are enough (C2SP tlog-policy).

A policy is the relying party's own file, written by hand. It decides on a checkpoint whose signatures were verified
before (`glasslog.checkpoint.open_checkpoint`): is it by one of the policy's logs, and have enough witnesses cosigned?
Names are opaque byte strings that mean nothing outside the file.

Keys of a type that cannot be verified here (ML-DSA-44) are kept by name: a quorum that is met without them is met, and
one that only they could complete is neither met nor missed but could not be checked.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from glasslog.checkpoint import TrustedCheckpoint
from glasslog.errors import MalformedError, QuorumError, UncheckableError, UnknownKeyError
from glasslog.limits import POLICY_BYTES_MAX, POLICY_ITEMS_MAX
from glasslog.vkey import (
    KEY_ID_BYTES,
    TYPE_COSIGNATURE_ED25519,
    TYPE_ED25519,
    VerifierKey,
    check_key_name,
    decode_base64,
    decode_vkey,
)

_BLANKS: Final = re.compile(rb"[ \t]+")
_FORBIDDEN: Final = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_THRESHOLD: Final = re.compile(rb"[1-9][0-9]{0,3}")
_NONE: Final = b"none"
_ML_DSA_44_MATERIAL_BYTES: Final = 1 + 1_312


@dataclass(frozen=True, slots=True)
class PolicyKey:
    """A vkey of a policy: the name and id of its signature lines, and the key, or None when its type is not handled."""

    name: str
    key_id: bytes
    material: bytes
    key: VerifierKey | None


@dataclass(frozen=True, slots=True)
class Log:
    """A log whose checkpoints are accepted. The meaning of the URL is the application's."""

    key: PolicyKey
    url: bytes | None


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness under the name that the policy gives it."""

    name: bytes
    key: PolicyKey
    url: bytes | None


@dataclass(frozen=True, slots=True)
class Group:
    """At least `threshold` of the members must have witnessed a checkpoint."""

    name: bytes
    threshold: int
    members: "tuple[Rule, ...]"


Rule: TypeAlias = Witness | Group


@dataclass(frozen=True, slots=True)
class Policy:
    """Logs, witnesses, and the quorum: None when no cosignature is required."""

    logs: tuple[Log, ...]
    witnesses: tuple[Witness, ...]
    quorum: Rule | None

    @property
    def log_keys(self) -> tuple[VerifierKey, ...]:
        """Return the keys of the logs that can be verified here."""
        return tuple(log.key.key for log in self.logs if log.key.key is not None)

    @property
    def witness_keys(self) -> tuple[VerifierKey, ...]:
        """Return the keys of the witnesses that can be verified here."""
        return tuple(witness.key.key for witness in self.witnesses if witness.key.key is not None)

    def verify(self, checkpoint: TrustedCheckpoint) -> tuple[Witness, ...]:
        """Check an opened checkpoint; return the witnesses of this policy that cosigned it, in the policy's order.

        The checkpoint must have been opened with this policy's `witness_keys`. Raises UnknownKeyError when the policy
        lists logs and none of them signed, QuorumError, and UncheckableError when cosignatures of a type that cannot be
        verified here would decide.
        """
        signers = {line.key.public_key for line in checkpoint.log_signatures}
        if self.logs and signers.isdisjoint(key.public_key for key in self.log_keys):
            msg = f"expected a log of the policy to have signed, got {checkpoint.log_signatures[0].key.name}"
            raise UnknownKeyError(msg)
        keys = {line.key for line in checkpoint.cosignatures}
        lines = {(line.name, line.key_id) for line in checkpoint.note.signatures}
        cosigners = tuple(witness for witness in self.witnesses if witness.key.key in keys)
        if self.quorum is None or _is_met(self.quorum, frozenset(cosigners)):
            return cosigners
        possible = {witness for witness in self.witnesses if _may_have_signed(witness, lines)}
        names = ", ".join(show_name(witness.name) for witness in cosigners) or "nobody"
        if _is_met(self.quorum, frozenset(possible.union(cosigners))):
            msg = f"cannot verify the cosignatures that would complete the quorum {describe_rule(self.quorum)}"
            raise UncheckableError(msg)
        msg = f"expected cosignatures by {describe_rule(self.quorum)}, got cosignatures by {names}"
        raise QuorumError(msg)


def decode_policy(data: bytes) -> Policy:
    """Return the policy that a file holds. Raises MalformedError that names the line."""
    if len(data) > POLICY_BYTES_MAX:
        msg = f"expected a policy of at most {POLICY_BYTES_MAX} bytes, got {len(data)}"
        raise MalformedError(msg)
    if _FORBIDDEN.search(data):
        msg = "expected a policy without control characters other than tab and newline"
        raise MalformedError(msg)
    *lines, rest = data.split(b"\n")
    if rest:
        msg = "expected a newline at the end of the last line of a policy: this one may be cut off"
        raise MalformedError(msg)
    parser = _Parser()
    for number, line in enumerate(lines, start=1):
        words = [word for word in _BLANKS.split(line) if word]
        if not words or words[0].startswith(b"#"):
            continue
        try:
            parser.take(words)
        except MalformedError as error:
            msg = f"line {number}: {error}"
            raise MalformedError(msg) from error
    return parser.policy()


def describe_rule(rule: Rule) -> str:
    """Return a rule in words: `2 of (X1, X2, X3)`."""
    if isinstance(rule, Witness):
        return show_name(rule.name)
    members = ", ".join(map(describe_rule, rule.members))
    return f"{rule.threshold} of ({members})"


def show_name(name: bytes) -> str:
    """Return a name of a policy as text; bytes that are not UTF-8 as escapes."""
    return name.decode("utf-8", "backslashreplace")


def _is_met(rule: Rule, cosigners: frozenset[Witness]) -> bool:
    """Tell whether a rule is met. Each name is a member once at most, so the cost is linear in the policy."""
    if isinstance(rule, Witness):
        return rule in cosigners
    return sum(_is_met(member, cosigners) for member in rule.members) >= rule.threshold


def _may_have_signed(witness: Witness, lines: set[tuple[str, bytes]]) -> bool:
    """Tell whether a note holds a line of a witness whose signature cannot be verified here."""
    return witness.key.key is None and (witness.key.name, witness.key.key_id) in lines


class _Parser:
    """Take the lines of a policy in order; each may refer to names of the lines before it."""

    def __init__(self) -> None:
        self._logs: list[Log] = []
        self._witnesses: list[Witness] = []
        self._rules: dict[bytes, Rule] = {}
        self._members: set[bytes] = set()
        self._quorum: list[Rule | None] = []
        self._takers: dict[bytes, Callable[[Sequence[bytes]], None]] = {
            b"log": self._take_log,
            b"witness": self._take_witness,
            b"group": self._take_group,
            b"quorum": self._take_quorum,
        }

    def take(self, words: Sequence[bytes]) -> None:
        """Take one line that is neither empty nor a comment. Raises MalformedError."""
        taker = self._takers.get(words[0])
        if taker is None:
            msg = f"expected a line that starts with log, witness, group or quorum, got {show_name(words[0])}"
            raise MalformedError(msg)
        taker(words[1:])

    def policy(self) -> Policy:
        """Return what the lines say. Raises MalformedError when there is no quorum line."""
        if not self._quorum:
            msg = "expected exactly one quorum line in a policy, got none"
            raise MalformedError(msg)
        return Policy(tuple(self._logs), tuple(self._witnesses), self._quorum[0])

    def _take_log(self, words: Sequence[bytes]) -> None:
        if len(words) not in {1, 2}:
            msg = "expected log <vkey> [<url>]"
            raise MalformedError(msg)
        key = _decode_key(words[0], TYPE_ED25519)
        if key.material in {log.key.material for log in self._logs}:
            msg = "expected each log once, got a key twice"
            raise MalformedError(msg)
        _check_count(len(self._logs), "logs")
        self._logs.append(Log(key, words[1] if len(words) > 1 else None))

    def _take_witness(self, words: Sequence[bytes]) -> None:
        if len(words) not in {2, 3}:
            msg = "expected witness <name> <vkey> [<url>]"
            raise MalformedError(msg)
        key = _decode_key(words[1], TYPE_COSIGNATURE_ED25519)
        if key.material in {witness.key.material for witness in self._witnesses}:
            msg = "expected each witness once, got a key twice"
            raise MalformedError(msg)
        _check_count(len(self._witnesses), "witnesses")
        witness = Witness(words[0], key, words[2] if len(words) > 2 else None)  # noqa: PLR2004 (the third word)
        self._define(witness)
        self._witnesses.append(witness)

    def _take_group(self, words: Sequence[bytes]) -> None:
        if len(words) < 3:  # noqa: PLR2004 (a name, a threshold, one member)
            msg = "expected group <name> all|any|<k> <name>..."
            raise MalformedError(msg)
        name, threshold, *names = words
        members = tuple(self._member(member) for member in names)
        _check_count(len(self._rules) - len(self._witnesses), "groups")
        self._define(Group(name, _threshold(threshold, len(members)), members))

    def _take_quorum(self, words: Sequence[bytes]) -> None:
        if len(words) != 1:
            msg = "expected quorum <name>|none"
            raise MalformedError(msg)
        if self._quorum:
            msg = "expected exactly one quorum line in a policy, got a second one"
            raise MalformedError(msg)
        self._quorum.append(None if words[0] == _NONE else self._rule(words[0]))

    def _define(self, rule: Rule) -> None:
        if rule.name == _NONE or rule.name in self._rules:
            msg = f"expected a name that is neither none nor taken, got {show_name(rule.name)}"
            raise MalformedError(msg)
        self._rules[rule.name] = rule

    def _member(self, name: bytes) -> Rule:
        rule = self._rule(name)
        if name in self._members:
            msg = f"expected each name to be a member once, got {show_name(name)} again"
            raise MalformedError(msg)
        self._members.add(name)
        return rule

    def _rule(self, name: bytes) -> Rule:
        rule = self._rules.get(name)
        if rule is None:
            msg = f"expected the name of a witness or group on a line before, got {show_name(name)}"
            raise MalformedError(msg)
        return rule


def _threshold(word: bytes, count: int) -> int:
    if word in {b"any", b"all"}:
        return 1 if word == b"any" else count
    if not _THRESHOLD.fullmatch(word) or int(word) > count:
        msg = f"expected all, any or a number from 1 to {count}, got {show_name(word)}"
        raise MalformedError(msg)
    return int(word)


def _check_count(count: int, what: str) -> None:
    if count >= POLICY_ITEMS_MAX:
        msg = f"expected at most {POLICY_ITEMS_MAX} {what} in a policy"
        raise MalformedError(msg)


def _decode_key(word: bytes, signature_type: int) -> PolicyKey:
    """Return the key of a vkey, which must sign what a log (0x01) or a witness (0x04) signs."""
    try:
        text = word.decode()
    except UnicodeDecodeError as error:
        msg = "expected a verifier key in UTF-8"
        raise MalformedError(msg) from error
    try:
        key = decode_vkey(text)
    except UncheckableError:
        return _decode_unverifiable_key(text)
    if key.signature_type != signature_type:
        msg = f"expected a key of type 0x{signature_type:02x}, got 0x{key.signature_type:02x}"
        raise MalformedError(msg)
    return PolicyKey(key.name, key.key_id, key.public_key.raw, key)


def _decode_unverifiable_key(text: str) -> PolicyKey:
    """Return name and id of a well-formed vkey whose type is known, but not how to verify it."""
    name, key_id, encoded = text.split("+", 2)
    check_key_name(name)
    material = decode_base64(encoded, "verifier key")
    if len(material) != _ML_DSA_44_MATERIAL_BYTES:
        msg = f"expected an ML-DSA-44 key of {_ML_DSA_44_MATERIAL_BYTES - 1} bytes, got {len(material) - 1}"
        raise MalformedError(msg)
    digest = hashlib.sha256(name.encode() + b"\n" + material).digest()[:KEY_ID_BYTES]
    if digest.hex() != key_id:
        msg = f"expected the key id {digest.hex()} for this name and key, got {key_id}"
        raise MalformedError(msg)
    return PolicyKey(name, digest, material[1:], None)
