"""Be the vendor's program: whatever the system in production records goes through a Recorder, which gets it logged."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Unpack

from glasslog_issuer.bodies import Body
from glasslog_issuer.demo.production import ENVIRONMENT, STREAM_ID, SYSTEM
from glasslog_issuer.keys import load_key
from glasslog_issuer.record import CommonFields, SignedRecord
from glasslog_issuer.recorder import Recorder
from glasslog_issuer.recorder.settings import Keeper
from glasslog_issuer.registration import Registered
from glasslog_issuer.stage.development_log import ISSUER_URI, DevelopmentLog
from glasslog_issuer.stage.errors import DemoError

SENT_TIMEOUT_S: Final = 60.0


class Vendor:
    """Records through a Recorder, and remembers all that was recorded, as no real program would."""

    def __init__(self, recorder: Recorder) -> None:
        """Take the recorder."""
        self.recorder = recorder
        self.records: list[SignedRecord] = []

    def record(
        self,
        body: Body,
        *,
        decision: str | None = None,
        commit: Mapping[str, object] | None = None,
        subject: str | None = None,
        **common: Unpack[CommonFields],
    ) -> SignedRecord:
        """Record: see `Recording.record`."""
        signed = self.recorder.record(body, decision=decision, commit=commit, subject=subject, **common)
        self.records.append(signed)
        return signed

    def seal(self) -> None:
        """Seal the window of all that was recorded so far: how much there is of the stream."""
        self.records.extend(self.recorder.seal(SENT_TIMEOUT_S))

    def registered(self) -> list[Registered]:
        """Wait until the log has everything; return where each record is, with its receipt.

        Raises DemoError when the log refused a record, NotSentError when it takes too long.
        """
        self.recorder.flush(SENT_TIMEOUT_S)
        refused = self.recorder.refused()
        found = [self.recorder.registered(signed) for signed in self.records]
        registered = [one for one in found if one is not None]
        if refused or len(registered) != len(self.records):
            reason = f", the first because of: {refused[0].title}: {refused[0].detail}" if refused else ""
            msg = (
                f"expected the log to take all {len(self.records)} records, "
                f"got {len(registered)} taken and {len(refused)} refused{reason}"
            )
            raise DemoError(msg)
        return registered


@contextmanager
def vendor_of(log: DevelopmentLog, folder: Path, vault: Keeper | None = None) -> Iterator[Vendor]:
    """Open the vendor's recorder, with its spool in a folder, until the block ends."""
    with Recorder.open(
        folder,
        issuer=ISSUER_URI,
        signer=load_key(log.issuer_key),
        system=SYSTEM,
        env=ENVIRONMENT,
        stream=STREAM_ID,
        log_url=log.url,
        log_keys=[log.vkey],
        vault=vault,
    ) as recorder:
        yield Vendor(recorder)
