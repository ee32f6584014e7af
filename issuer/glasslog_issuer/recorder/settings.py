"""How a Recorder is set up."""

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, Required, TypedDict

import urllib3

from glasslog.keys import Signer
from glasslog.vkey import VerifierKey
from glasslog_issuer.exchange import Timeouts
from glasslog_issuer.record import SignedRecord
from glasslog_issuer.retry import RetryPolicy
from glasslog_issuer.sender import BACK_OFF, OnRefused
from glasslog_issuer.spool import Bounds, Durability, OnFull, Spool
from glasslog_issuer.spool.spool import Keep

FULL_TIMEOUT_S: Final = 30.0
ANCHOR_MAX_AGE_S: Final = 600.0
ANCHOR_REFRESH_S: Final = 60.0
SYNC_INTERVAL_S: Final = 0.2


class Keeper(Protocol):
    """Keeps what opens the commitments of records: a `glasslog_issuer.vault.Vault`, or whatever does the same."""

    def keep_many(self, items: Iterable[tuple[SignedRecord, str | None]]) -> None:
        """Keep the disclosures of records, durably, each under its data subject. Keeping twice changes nothing."""
        ...

    def following(self, stream: str, seq: int) -> Sequence[bytes]:
        """Return the ids of the records kept that stand in a stream at `seq` or behind it."""
        ...

    def discard(self, record_ids: Iterable[bytes]) -> None:
        """Destroy the disclosures of records that were never recorded."""
        ...


class RecorderSettings(TypedDict, total=False):
    """What `Recorder.open` takes beside the folder of its spool.

    `issuer`, `signer`, `system` and `env` are as for an `Issuer`; `log_url` and `log_keys` say which log, by its vkeys.
    `stream` is the id of the stream that a new spool begins, by default one that no other has.

    `vault` keeps the disclosures, before the record itself is kept. `on_full` says what `record` does when as much
    waits as `bounds` allow: wait for at most `full_timeout_s`, or fail at once. `durability` says when a record is kept
    (`glasslog_issuer.spool.Durability`); with "system", what is kept is on disk within `sync_interval_s`.
    `on_refused` says whether sending goes on when the log refuses a record; `on_problem` is told of that, and of every
    failed attempt and background task. `keep_receipts` keeps receipts in the spool's folder.

    An anchor is at most `anchor_max_age_s` old, and a new checkpoint is asked for every `anchor_refresh_s`.
    `seal_every_s` seals windows of about that length; without it windows are sealed by `Recorder.seal` alone.

    Time and chance come in by `now_ms` (POSIX milliseconds), `clock_s` (seconds, never jumping) and `random_bytes`.
    """

    issuer: Required[str]
    signer: Required[Signer]
    system: Required[str]
    env: Required[str]
    log_url: Required[str]
    log_keys: Required[Iterable[VerifierKey | str]]
    stream: str | None
    vault: Keeper | None
    on_full: OnFull
    full_timeout_s: float | None
    durability: Durability
    sync_interval_s: float
    bounds: Bounds
    on_refused: OnRefused
    on_problem: Callable[[Exception], object]
    keep_receipts: bool
    anchor_max_age_s: float
    anchor_refresh_s: float
    seal_every_s: int | None
    timeouts: Timeouts | None
    pool: urllib3.PoolManager | None
    back_off: RetryPolicy
    now_ms: Callable[[], int]
    clock_s: Callable[[], float]
    random_bytes: Callable[[int], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The settings with their defaults: see RecorderSettings."""

    issuer: str
    signer: Signer = field(repr=False)
    system: str
    env: str
    log_url: str
    log_keys: Iterable[VerifierKey | str]
    stream: str | None = None
    vault: Keeper | None = None
    on_full: OnFull = "block"
    full_timeout_s: float | None = FULL_TIMEOUT_S
    durability: Durability = "disk"
    sync_interval_s: float = SYNC_INTERVAL_S
    bounds: Bounds = field(default_factory=Bounds)
    on_refused: OnRefused = "continue"
    on_problem: Callable[[Exception], object] = lambda _: None
    keep_receipts: bool = True
    anchor_max_age_s: float = ANCHOR_MAX_AGE_S
    anchor_refresh_s: float = ANCHOR_REFRESH_S
    seal_every_s: int | None = None
    timeouts: Timeouts | None = None
    pool: urllib3.PoolManager | None = None
    back_off: RetryPolicy = BACK_OFF
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    clock_s: Callable[[], float] = time.monotonic
    random_bytes: Callable[[int], bytes] = os.urandom


def keep_with(vault: Keeper | None) -> Keep:
    """Return how the records of one write are kept by a vault: those that commit to anything."""
    if vault is None:
        return lambda _: None

    def keep(records: Sequence[tuple[SignedRecord, str | None]]) -> None:
        committed = [(signed, subject) for signed, subject in records if signed.disclosures]
        if committed:
            vault.keep_many(committed)

    return keep


def sweep(vault: Keeper | None, spool: Spool) -> None:
    """Destroy in a vault what a crash has left of records that were kept there and never recorded.

    A spool that is new knows nothing of earlier records: should its stream have had some (whose spool was lost), what
    opens them stays.
    """
    place = spool.state.place
    if vault is not None and not spool.is_new and (orphans := vault.following(place.id, place.seq)):
        vault.discard(orphans)
