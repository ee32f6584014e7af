"""Plan one round: give an index to what is new, and compute the tree that results. Pure: nothing is read or written.

The sequencer brings what it took from the queue and what the store knows of it; out come the answers and the tiles,
with a root that two independent computations agree on. Who may sign is judged here once more, entry by entry, because a
key may have been revoked since admission, even by an entry of this very round.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, NamedTuple, Self, TypeAlias, cast

from glasslog.authority import Authority
from glasslog.errors import AuthorityError, GlasslogError, MalformedError, UnknownKeyError
from glasslog.keys import PublicKey
from glasslog.merkle import Hash, LeafIndex, TreeSize
from glasslog.records import POLICY_RECORD_TYPES, Record, decode_record
from glasslog.statement import SignedStatement, decode_statement
from glasslog.tiles import TileId
from glasslog_server.core.tree import Tree, recompute
from glasslog_server.errors import TreeCorruptError


class Candidate(NamedTuple):
    """A statement that admission accepted, signature and schema checked, as what sequencing it takes and no more.

    A plain tuple of bytes, text and numbers: it is made, kept and sent between processes for every entry. `kid` is the
    thumbprint of the key it is signed with (32 bytes); `record_type` and `stream`, (stream id, sequence number), are
    None for content that is no record.
    """

    entry: bytes
    leaf_hash: Hash
    issuer: str
    subject: str
    kid: bytes
    content_type: str
    record_type: str | None
    stream: tuple[str, int] | None

    @classmethod
    def of_statement(cls, statement: SignedStatement, record: Record | None) -> Self:
        """Return the candidate of a statement that was checked; `record` is what its payload decodes to, if it is one.

        Costs the leaf hash.
        """
        record_type = stream = None
        if record is not None:
            record_type = record.type
            stream = (record.stream.id, record.stream.seq)
        return cls(
            statement.entry,
            statement.leaf_hash,
            statement.issuer,
            statement.subject,
            statement.kid,
            statement.content_type,
            record_type,
            stream,
        )


_Kind: TypeAlias = tuple[str, bytes, str, str | None]
"""Issuer, kid, content type and record type: what decides, with the time, whether an entry is admitted."""
_KIND: Final = attrgetter("issuer", "kid", "content_type", "record_type")
_ENTRY: Final = attrgetter("entry")
_LEAF_HASH: Final = attrgetter("leaf_hash")


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The place that an entry has in the log already, from an earlier round or from earlier in this one."""

    index: LeafIndex


Verdict: TypeAlias = LeafIndex | Duplicate | GlasslogError
"""What became of a candidate: the index it gets, the one it has, or why the policy in force refuses it."""


@dataclass(frozen=True, slots=True)
class RoundPlan:
    """What a round will do: a verdict for each candidate in order, the new ones in the order of their indexes.

    `authority` is who may sign after them, `policy_indexes` are the places of those that changed it.
    """

    first: LeafIndex
    verdicts: Sequence[Verdict]
    new: Sequence[Candidate]
    authority: Authority
    policy_indexes: Sequence[LeafIndex]


def plan_round(
    candidates: Sequence[Candidate],
    found: Sequence[LeafIndex | None],
    size: TreeSize,
    authority: Authority,
    time: int,
    signing_keys: Collection[PublicKey] = (),
) -> RoundPlan:
    """Decide what each candidate gets, in order. `found` are the indexes that the log gave them before, where it did.

    `time` is in POSIX seconds. The same statement twice gets one index. A duplicate is answered whoever may sign now:
    it was logged when its signer was entitled. A policy that does not name all of `signing_keys`, with which this
    round's head will be signed, is refused: the log could not vouch for its own head with it.
    """
    judge = _Judge(authority, time, signing_keys)
    if _is_plain(candidates, found, judge):
        indexes = cast("Sequence[LeafIndex]", range(size, size + len(candidates)))
        return RoundPlan(LeafIndex(size), indexes, candidates, authority, ())
    verdicts: list[Verdict] = []
    new: list[Candidate] = []
    policy_indexes: list[LeafIndex] = []
    placed: dict[Hash, LeafIndex] = {}
    next_index = int(size)
    for candidate, known in zip(candidates, found, strict=True):
        leaf_hash = candidate.leaf_hash
        before = placed.get(leaf_hash) if known is None else known
        if before is not None:
            verdicts.append(Duplicate(before))
            continue
        index = LeafIndex(next_index)
        try:
            if judge.admit(candidate, index):
                policy_indexes.append(index)
        except (AuthorityError, UnknownKeyError, MalformedError) as error:
            verdicts.append(error)
            continue
        placed[leaf_hash] = index
        new.append(candidate)
        verdicts.append(index)
        next_index += 1
    return RoundPlan(LeafIndex(size), verdicts, new, judge.authority, policy_indexes)


def _is_plain(candidates: Sequence[Candidate], found: Sequence[LeafIndex | None], judge: "_Judge") -> bool:
    """Return whether all candidates are new, admitted and about no policy, as in nearly every round of a busy log.

    Then each gets the next index, and nothing needs to be looked at one by one.
    """
    if found.count(None) < len(found) or len(set(map(_LEAF_HASH, candidates))) < len(found):
        return False
    if max(map(len, map(_ENTRY, candidates)), default=0) > judge.authority.policy.entry_bytes_max:
        return False
    try:
        for kind in set(map(_KIND, candidates)):
            if kind[-1] in POLICY_RECORD_TYPES:
                return False
            judge.check_kind(kind)
    except (AuthorityError, UnknownKeyError):
        return False
    return True


class _Judge:
    """Judge candidates in the order of the log, at one time: each by who may sign after the ones before it.

    What depends on issuer, key and kind of content alone is judged once and remembered until the authority changes.
    """

    __slots__ = ("_admitted", "_signing_keys", "_time_ms", "authority")

    def __init__(self, authority: Authority, time: int, signing_keys: Collection[PublicKey]) -> None:
        self.authority = authority
        self._time_ms = time * 1_000
        self._signing_keys = signing_keys
        self._admitted: set[_Kind] = set()

    def check_kind(self, kind: _Kind) -> None:
        """Check what depends on the kind of an entry alone. Raises UnknownKeyError, AuthorityError."""
        if kind not in self._admitted:
            issuer, kid, content_type, record_type = kind
            self.authority.key_for(issuer, kid, self._time_ms)
            self.authority.check_kind(kid, content_type, record_type)
            self._admitted.add(kind)

    def admit(self, candidate: Candidate, index: LeafIndex) -> bool:
        """Return whether the candidate changes the authority. Raises what refuses it, and then nothing is changed."""
        self.check_kind((candidate.issuer, candidate.kid, candidate.content_type, candidate.record_type))
        authority = self.authority
        if len(candidate.entry) > authority.policy.entry_bytes_max:
            authority.check_entry_bytes(len(candidate.entry))
        if candidate.record_type not in POLICY_RECORD_TYPES:
            return False
        statement = decode_statement(candidate.entry)
        after = authority.apply(statement, decode_record(statement.payload), index)
        if after.policy is not authority.policy:
            _check_names_keys(after, self._signing_keys)
        self.authority = after
        self._admitted.clear()
        return True


def _check_names_keys(authority: Authority, signing_keys: Collection[PublicKey]) -> None:
    left_out = [key.kid.hex() for key in signing_keys if key not in authority.policy.log_keys]
    if left_out:
        msg = f"expected a policy that names every key the log signs with now, got one without kid {left_out[0]}"
        raise AuthorityError(msg)


_LEAF: Final = hashlib.sha256(b"\x00")  # RFC 9162 section 2.1.1; copied, so that no entry is copied behind the byte


def _hash_entries(entries: Iterable[bytes]) -> list[Hash]:
    """Return what `hash_leaf` returns, for many: at a seventh less."""
    leaves = []
    for entry in entries:
        leaf = _LEAF.copy()
        leaf.update(entry)
        leaves.append(Hash(leaf.digest()))
    return leaves


class Grown(NamedTuple):
    """What a round makes of the tree: every tile that it changed, the inner nodes of those it filled, the root."""

    tiles: Mapping[TileId, bytes]
    inner_nodes: Mapping[TileId, bytes]
    root: Hash


def grow(tree: Tree, new: Sequence[Candidate], edge: Mapping[TileId, bytes]) -> Grown:
    """Append the new entries to `tree`; return the changed tiles and the root that both computations agree on.

    `edge` holds, as the store has them, the tiles on the right edge of the tree before: those that this round leaves
    alone are needed.
    The leaf hashes are computed anew from the entries: what admission handed over was only good for looking up.
    Raises TreeCorruptError, and leaves the tree ahead of the store, when anything disagrees.
    """
    leaves = _hash_entries(map(_ENTRY, new))
    if leaves != list(map(_LEAF_HASH, new)):
        wrong = next(candidate for candidate, leaf in zip(new, leaves, strict=True) if candidate.leaf_hash != leaf)
        msg = f"expected an admitted entry with its leaf hash, got one with {wrong.leaf_hash.hex()} instead"
        raise TreeCorruptError(msg)
    tiles = tree.append(leaves)
    root = tree.root()
    again = recompute(tree.size, {**edge, **tiles}, leaves)
    if again.root != root:
        msg = f"expected the tiles to lead to the root {root.hex()} at size {tree.size}, got {again.root.hex()}"
        raise TreeCorruptError(msg)
    return Grown(tiles, again.inner_nodes, root)
