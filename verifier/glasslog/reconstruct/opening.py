"""Open commitments: from disclosure files, from a vault, or not any more because they were erased.

`OpenedVault` is what a package that keeps disclosures implements, under the entry-point group `glasslog.vaults`:
a function `open_vault(path: Path, master_key: bytes) -> OpenedVault`. This package never learns how a vault keeps them.

A disclosure counts when it opens a commitment of a verified record, byte for byte. An erasure counts when the record of
it verifies and is by the issuer of the record it is about: nobody can declare another's content to be gone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from glasslog.commitments import Disclosure
from glasslog.reconstruct.evidence import Opening, OpeningState, Told
from glasslog.verify.erasures import CONFIRMED
from glasslog.verify.report import Erased

VAULTS: Final = "glasslog.vaults"
"""The entry-point group."""


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

    def close(self) -> None:
        """Close the vault."""
        ...


class EmptyVault:
    """The vault of those who have none."""

    def disclosures(self, record_id: bytes) -> Disclosed:  # noqa: ARG002 (whatever is asked)
        """Return nothing."""
        return Disclosed(())

    def close(self) -> None:
        """Do nothing."""


def matching(disclosures: Iterable[Disclosure], commitments: Mapping[str, bytes]) -> tuple[Disclosure, ...]:
    """Return the disclosures that open a commitment of their name, each once."""
    matched = {each.name: each for each in disclosures if commitments.get(each.name) == each.digest}
    return tuple(matched.values())


def openings(told: Told, kept: Disclosed) -> tuple[Opening, ...]:
    """Return what became of each commitment of a verified record, in the order of the record.

    What files disclosed, and what the issuer recorded as erased, is in the report of the piece; `kept` is what a vault
    has, as far as it matches.
    """
    from_files = {disclosure.name: disclosure for disclosure in told.shown.disclosures}
    from_vault = {disclosure.name: disclosure for disclosure in kept.disclosures}
    erased = {each.name: each for each in told.shown.erased}
    found = []
    for name, digest in told.record.commitments.items():
        disclosure = from_files.get(name) or from_vault.get(name)
        gone = erased.get(name)
        if gone is not None:
            found.append(_opening_of_erased(digest, disclosure, gone, in_vault=name in from_vault))
        elif disclosure is not None:
            found.append(Opening(name, OpeningState.OPENED, digest, disclosure.value))
        elif kept.erased_at is not None:
            found.append(Opening(name, OpeningState.SAID_ERASED, digest, at=kept.erased_at))
        else:
            found.append(Opening(name, OpeningState.CLOSED, digest))
    return tuple(found)


def _opening_of_erased(digest: bytes, disclosure: Disclosure | None, gone: Erased, *, in_vault: bool) -> Opening:
    """Return an opening that an erasure names. A copy outside the erased stores may open it all the same."""
    waiting = tuple(store.store for store in gone.stores if store.state != CONFIRMED)
    if in_vault and not waiting:
        return Opening(gone.name, OpeningState.CONTRADICTED, digest, at=gone.at)
    if disclosure is not None:
        return Opening(gone.name, OpeningState.OPENED, digest, disclosure.value, at=gone.at, open_stores=waiting)
    state = OpeningState.TO_BE_ERASED if gone.at is None else OpeningState.ERASED
    return Opening(gone.name, state, digest, at=gone.at, open_stores=waiting)
