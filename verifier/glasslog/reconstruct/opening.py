"""Open commitments: from disclosure files, from a vault, or not any more because they were erased.

`OpenedVault` is what a package that keeps disclosures implements, under the entry-point group `glasslog.vaults`:
a function `open_vault(path: Path, master_key: bytes) -> OpenedVault`. This package never learns how a vault keeps them.

A disclosure counts when it opens a commitment of a verified record, byte for byte. An erasure counts when the record of
it verifies and is by the issuer of the record it is about: nobody can declare another's content to be gone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from glasslog.commitments import Disclosure
from glasslog.reconstruct.evidence import Opening, OpeningState, Told

VAULTS: Final = "glasslog.vaults"
"""The entry-point group."""
_CONFIRMED: Final = "confirmed"


@dataclass(frozen=True, slots=True)
class Disclosed:
    """What a vault gives for one record: its disclosures, and when they were erased, POSIX ms, where they were."""

    disclosures: tuple[Disclosure, ...] = field(repr=False)
    erased_at: int | None = None


class OpenedVault(Protocol):
    """A vault that was opened with its master key."""

    def disclosures(self, record_id: bytes) -> Disclosed:
        """Return what the vault has for a record, nothing for one that it does not know. Raises UncheckableError."""
        ...


class EmptyVault:
    """The vault of those who have none."""

    def disclosures(self, record_id: bytes) -> Disclosed:  # noqa: ARG002 (whatever is asked)
        """Return nothing."""
        return Disclosed(())


@dataclass(frozen=True, slots=True)
class Erased:
    """What the erasure records of an issuer say of one commitment: the latest word of each store."""

    stores: Mapping[str, tuple[str, int]]

    @property
    def at(self) -> int:
        """Return when the last store spoke, POSIX ms."""
        return max(at for _, at in self.stores.values())

    @property
    def open_stores(self) -> tuple[str, ...]:
        """Return the stores that have not confirmed."""
        return tuple(sorted(store for store, (state, _) in self.stores.items() if state != _CONFIRMED))


def erasures(told: Iterable[Told]) -> dict[tuple[str, bytes], Erased]:
    """Return what verified erasure records say, by issuer and commitment. Of a store, the later record counts."""
    found: dict[tuple[str, bytes], dict[str, tuple[str, int]]] = {}
    for each in told:
        if each.record.type != "erasure":
            continue
        for digest in each.record.body["commitments"]:
            stores = found.setdefault((each.issuer, bytes(digest)), {})
            stores |= {target["store"]: (target["state"], target["at"]) for target in each.record.body["targets"]}
    return {key: Erased(stores) for key, stores in found.items()}


def matching(disclosures: Iterable[Disclosure], commitments: Mapping[str, bytes]) -> tuple[Disclosure, ...]:
    """Return the disclosures that open a commitment of their name."""
    return tuple(disclosure for disclosure in disclosures if commitments.get(disclosure.name) == disclosure.digest)


def openings(
    told: Told,
    given: Sequence[Disclosure],
    kept: Disclosed,
    erased: Mapping[tuple[str, bytes], Erased],
) -> tuple[Opening, ...]:
    """Return what became of each commitment of a verified record, in the order of the record.

    `given` are matching disclosures from files, `kept` is what a vault has: matching disclosures too.
    """
    from_files = {disclosure.name: disclosure for disclosure in given}
    from_vault = {disclosure.name: disclosure for disclosure in kept.disclosures}
    found = []
    for name, digest in told.record.commitments.items():
        disclosure = from_files.get(name) or from_vault.get(name)
        gone = erased.get((told.issuer, digest))
        if gone is not None and not gone.open_stores and name in from_vault:
            found.append(Opening(name, OpeningState.CONTRADICTED, digest, at=gone.at))
        elif gone is not None:
            found.append(_opening_of_erased(name, digest, disclosure, gone))
        elif disclosure is not None:
            found.append(Opening(name, OpeningState.OPENED, digest, disclosure.value))
        elif kept.erased_at is not None:
            found.append(Opening(name, OpeningState.SAID_ERASED, digest, at=kept.erased_at))
        else:
            found.append(Opening(name, OpeningState.CLOSED, digest))
    return tuple(found)


def _opening_of_erased(name: str, digest: bytes, disclosure: Disclosure | None, gone: Erased) -> Opening:
    """Return an opening that an erasure names. A copy outside the erased stores may open it all the same."""
    state = OpeningState.ERASED if disclosure is None else OpeningState.OPENED
    value = disclosure.value if disclosure is not None else None
    return Opening(name, state, digest, value, at=gone.at, open_stores=gone.open_stores)
