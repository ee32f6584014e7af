"""A system in production that records honestly, or with faults: each is one thing that a vendor could do wrong.

Time is simulated: sixteen seconds of production, with a heartbeat of every control each two seconds, that end now. What
is signed must be in the log within a minute of its time, so the span leaves most of that to a slow machine.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from glasslog.keys import SigningKey
from glasslog_issuer import Inference, Issuer, Provider, Stream
from glasslog_issuer.bodies import Body
from glasslog_issuer.bodies.completeness import ControlOperation
from glasslog_issuer.bodies.custody import Erasure, ErasureTarget
from glasslog_issuer.bodies.parts import Period
from glasslog_issuer.bodies.people import Explanation
from glasslog_issuer.demo.arrivals import arrivals
from glasslog_issuer.demo.guardrails.execution import Clock
from glasslog_issuer.demo.production import ENVIRONMENT, STREAM_ID, SYSTEM, Production
from glasslog_issuer.demo.referrals import arriving_cases
from glasslog_issuer.record import SignedRecord
from tests.issuer.demo.clinic import clinic

ARRIVALS = 60
SPAN_S = 16
CADENCE_S = 2
CADENCE_MS = CADENCE_S * 1_000
MAX_GAP_S = 4

FAULTS = (
    "deleted record",
    "backdated record",
    "guardrail off",
    "silent model change",
    "unregistered provider",
    "heartbeat gap",
    "unfinished erasure",
)
"""What a vendor can do wrong. The eighth, a forked tree, only the log can."""
MORE_FAULTS = ("guardrail off for ten minutes", "overdue notice")
"""What takes longer, or is found later."""


@dataclass
class Vendor:
    """Signs the records of a production, and does wrong what `faults` name."""

    uri: str
    key: SigningKey
    faults: Collection[str]
    pace: int = 1  # how much slower everything goes than in sixteen seconds
    start_s: int | None = None  # by default such that everything ends now
    kept: list[SignedRecord] = field(default_factory=list)

    def __post_init__(self) -> None:
        clinic()  # which takes its time, before time begins
        self.start_ms = (round(time.time()) - SPAN_S * self.pace if self.start_s is None else self.start_s) * 1_000
        self._now_ms = self.start_ms
        self._issuer = Issuer(
            self.uri, self.key, system=SYSTEM, env=ENVIRONMENT, stream=Stream(STREAM_ID), now_ms=lambda: self._now_ms
        )
        self._inferences = 0
        self._notices = 0

    def produce(self) -> list[SignedRecord]:
        """Return what is submitted to the log, in order."""
        clock = Clock(now_ms=lambda: self._now_ms, ticks_ns=lambda: self._now_ms * 1_000_000)
        production = Production(
            self,
            replace(clinic().screening, clock=clock),
            clinic().cohort,
            tag_key=bytes(32),
            now_ms=lambda: self._now_ms,
        )
        people = arrivals(clinic().cohort.held_out, ARRIVALS)
        production.register(people.never, CADENCE_S * self.pace, MAX_GAP_S * self.pace)
        cases = list(arriving_cases(people.all, ARRIVALS))
        beats = SPAN_S // CADENCE_S
        for beat in range(beats):
            for case in cases[beat * ARRIVALS // beats : (beat + 1) * ARRIVALS // beats]:
                self._now_ms += 100 * self.pace
                production.screen(case)
            passed, cadence = self._now_ms - self.start_ms, CADENCE_MS * self.pace
            self._now_ms += cadence - passed % cadence if beat else 1_000 * self.pace
            self._beat(beat, list(production.screening.policies))
        self._erase(production.screened[0].signed.record.commitments["input"])
        production.reconcile(len(production.screened))
        if "overdue notice" in self.faults:
            asked = Explanation(channel="portal", opened=self.start_ms, due=self.start_ms + CADENCE_MS * self.pace)
            self.record(asked, decision=production.screened[0].signed.decision)
        return self.kept

    def record(
        self,
        body: Body,
        *,
        decision: str | None = None,
        commit: Mapping[str, object] | None = None,
        subject: str | None = None,  # noqa: ARG002 (Recording's)
        **common: Any,  # noqa: ANN401 (the common fields)
    ) -> SignedRecord:
        """Record honestly, but for the faults."""
        body, deleted = self._faulty(body, common)
        signed = self._issuer.sign(body, decision=decision, commit=commit, **common)
        if not deleted:
            self.kept.append(signed)
        return signed

    def _faulty(self, body: Body, common: dict[str, Any]) -> tuple[Body, bool]:
        """Return the body that is recorded, and whether its record is thrown away."""
        if isinstance(body, Inference) and body.status == "completed":
            self._inferences += 1
            minutes = (self._now_ms - self.start_ms) / 60_000
            if "guardrail off for ten minutes" in self.faults and 5 <= minutes < 15:
                return replace(body, guardrails=body.guardrails[1:]), False
            match self._inferences:
                case 10 if "guardrail off" in self.faults:
                    return replace(body, guardrails=body.guardrails[1:]), False
                case 20 if "silent model change" in self.faults:
                    return replace(body, response_model="another-model"), False
                case 30 if "unregistered provider" in self.faults:
                    return replace(body, provider=Provider(name="somebody-else")), False
        if body.type() == "notice":
            self._notices += 1
            if self._notices == 5 and "backdated record" in self.faults:
                common["time"] = self._now_ms - 3_600_000
            return body, self._notices == 15 and "deleted record" in self.faults
        return body, False

    def _beat(self, beat: int, controls: Sequence[str]) -> None:
        for control in controls:
            if "heartbeat gap" in self.faults and control == controls[-1] and beat in {3, 4}:
                continue
            period = Period(from_=self._now_ms - CADENCE_MS * self.pace, to=self._now_ms)
            self.record(ControlOperation(control=control, period=period, count=8, by_status={"allow": 8}, healthy=True))

    def _erase(self, commitment: bytes) -> None:
        state = "requested" if "unfinished erasure" in self.faults else "confirmed"
        targets = [
            ErasureTarget(store="vault", state="confirmed", at=self._now_ms),
            ErasureTarget(store="backup", state=state, at=self._now_ms),
        ]
        self.record(Erasure(request_id="dsr-7", targets=targets, basis="gdpr-17-1-b", commitments=[commitment]))
