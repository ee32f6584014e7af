"""A scripted log that also has a checkpoint, and recorders that send to it without losing time."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import cbor2

from glasslog.cose import split_sequence
from glasslog_issuer import Recorder, RetryPolicy
from tests.issuer.faulty_log import CBOR, FaultyLog, Got, Reply, Script, batch
from tests.verifier.evidence import ISSUER, ISSUER_KEY, SYSTEM

IMPATIENT = RetryPolicy(delay_s_first=0.001, delay_s_max=0.001)
PATIENT = RetryPolicy(delay_s_first=3_600.0, delay_s_max=3_600.0)
"""Nothing is tried again unless somebody says so."""


class CheckpointedLog(FaultyLog):
    """Answers `GET /checkpoint` aside from its script, which is for what is posted."""

    def reply(self, got: Got) -> Reply:
        if got.path == "/checkpoint":
            return Reply(200, "text/plain", self.ledger.checkpoint())
        return super().reply(got)

    @property
    def batches(self) -> list[Got]:
        """Return what was posted."""
        return [got for got in self.got if got.method == "POST"]


def refuse(*places: int) -> Script:
    """Refuse the statements at these places of a batch."""
    refusal = {"code": "unknown_key", "problem": {-1: "Rejected", -2: "no key of this kid"}}

    def answer(log: FaultyLog, got: Got) -> Reply:
        entries = split_sequence(got.body, 4_096)
        taken = b"".join(entry for place, entry in enumerate(entries) if place not in places)
        told = iter(cbor2.loads(batch(log, replace(got, body=taken)).body)["outcomes"] if taken else ())
        outcomes = [refusal if place in places else next(told) for place in range(len(entries))]
        return Reply(200, CBOR, cbor2.dumps({"checkpoint": log.ledger.checkpoint(), "outcomes": outcomes}))

    return answer


def settings(log: FaultyLog, **changes: Any) -> Any:  # noqa: ANN401  what Recorder.open takes
    return {
        "issuer": ISSUER,
        "signer": ISSUER_KEY,
        "system": SYSTEM,
        "env": "test",
        "stream": "decisions",
        "log_url": log.url,
        "log_keys": [log.vkey],
        "back_off": IMPATIENT,
        **changes,
    }


def open_recorder(folder: Path, log: FaultyLog, **changes: Any) -> Recorder:  # noqa: ANN401
    return Recorder.open(folder / "spool", **settings(log, **changes))
