"""Controls report themselves on time, over restarts and whatever the clock on the wall does."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from glasslog_issuer import Body, SignedRecord
from glasslog_issuer.bodies import DeclaredControl
from glasslog_issuer.clocks import Clocks
from glasslog_issuer.heartbeats import Control, Heartbeats
from glasslog_issuer.spool import Spool
from glasslog_issuer.spool.state import declaration
from tests.issuer.parties import inference
from tests.issuer.recorder.spools import SIGNER, add, open_spool
from tests.issuer.recorder.test_state import execution, system
from tests.verifier.evidence import TIME_MS


class Vendor:
    """A process with a spool and a heart, in a time that a test moves: the wall's clock apart from the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.wall_ms = TIME_MS
        self.s = 1_000.0
        self.beats: list[Any] = []
        self.start()

    def start(self) -> None:
        self.spool: Spool = open_spool(self.folder)
        clocks = Clocks(lambda: self.wall_ms, lambda: self.s)
        self.heart = Heartbeats(lambda: self.spool.state, self._record, clocks)

    def restart(self) -> None:
        self.spool.close()
        self.start()

    def pass_s(self, seconds: float, *, step: float = 1.0) -> None:
        """Let time pass, with a tick at each step, as the ticker does."""
        for _ in range(round(seconds / step)):
            self.s += step
            self.wall_ms += int(step * 1_000)
            self.heart.tick()

    def _record(self, body: Body) -> SignedRecord:
        signed = add(self.spool, body)
        self.beats.append(signed.record.body)
        return signed

    def observe(self, status: str = "ran") -> None:
        Control("drift", self.spool).observe(status)

    def take(self) -> list[Any]:
        beats, self.beats = self.beats, []
        return beats


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[Vendor]:
    vendor = Vendor(tmp_path)
    vendor.spool.note(declaration({"drift": (60, 120)}, TIME_MS))
    yield vendor
    vendor.spool.close()


def periods(beats: list[Any]) -> list[tuple[int, int]]:
    """Return the periods of heartbeats, in seconds since the beginning."""
    return [((b["period"]["from"] - TIME_MS) // 1_000, (b["period"]["to"] - TIME_MS) // 1_000) for b in beats]


def test_a_control_reports_every_cadence_also_when_it_did_nothing(vendor: Vendor) -> None:
    vendor.observe()
    vendor.observe("failed-over")
    vendor.pass_s(180)
    beats = vendor.take()
    assert periods(beats) == [(0, 60), (60, 120), (120, 180)]
    assert [beat["count"] for beat in beats] == [2, 0, 0]
    assert beats[0]["by_status"] == {"ran": 1, "failed-over": 1}
    assert all(beat["healthy"] for beat in beats)


def test_guardrails_that_are_declared_controls_count_by_themselves(vendor: Vendor) -> None:
    add(vendor.spool, system("gate"))
    add(vendor.spool, inference(guardrails=[execution("gate", "deny"), execution("gate")]))
    failed = add(vendor.spool, execution("gate", "error-fail-open"))
    vendor.wall_ms = vendor.spool.state.controls["gate"].since
    vendor.pass_s(60)
    [beat] = vendor.take()
    assert (beat["control"], beat["count"]) == ("gate", 3)
    assert beat["by_status"] == {"deny": 1, "allow": 1, "error-fail-open": 1}
    assert (beat["healthy"], beat["exceptions"]) == (False, [failed.id])


def test_counts_and_periods_go_on_after_a_restart(vendor: Vendor) -> None:
    vendor.observe()
    vendor.pass_s(90)
    vendor.observe()
    add(vendor.spool)
    vendor.restart()
    vendor.observe()
    vendor.s = 5.0  # another process, another clock
    vendor.pass_s(30)
    beats = vendor.take()
    assert periods(beats) == [(0, 60), (60, 120)]
    assert [beat["count"] for beat in beats] == [1, 2]


def test_a_time_in_which_nobody_was_there_is_told_and_is_not_healthy(vendor: Vendor) -> None:
    vendor.pass_s(60)
    vendor.restart()
    vendor.wall_ms += 1_000_000
    vendor.heart.tick()
    vendor.pass_s(60)
    beats = vendor.take()
    assert periods(beats) == [(0, 60), (60, 1_060), (1_060, 1_120)]
    assert [beat["healthy"] for beat in beats] == [True, False, True]


@pytest.mark.parametrize("jump_ms", [-86_400_000, 86_400_000], ids=["back", "forward"])
def test_a_clock_that_jumps_changes_no_cadence_and_no_period_overlaps(vendor: Vendor, jump_ms: int) -> None:
    vendor.pass_s(60)
    vendor.wall_ms += jump_ms
    vendor.pass_s(180)
    beats = vendor.take()
    assert len(beats) == 4
    for before, after in pairwise(beats):
        assert before["period"]["to"] == after["period"]["from"]
        assert after["period"]["from"] <= after["period"]["to"]


def test_a_process_that_was_suspended_reports_once_and_not_for_each_cadence_it_missed(vendor: Vendor) -> None:
    vendor.pass_s(60)
    vendor.pass_s(600, step=600)
    vendor.pass_s(60)
    assert periods(vendor.take()) == [(0, 60), (60, 660), (660, 720)]


def test_the_owner_may_know_better_whether_a_control_is_healthy(vendor: Vendor) -> None:
    answers = iter([False, True])
    vendor.heart.checks["drift"] = lambda: next(answers)
    vendor.pass_s(120)
    assert [beat["healthy"] for beat in vendor.take()] == [False, True]


def test_a_heartbeat_that_cannot_be_recorded_loses_no_count(vendor: Vendor) -> None:
    vendor.observe()

    def refuse(_: Body) -> SignedRecord:
        raise OSError

    working, vendor.heart._record = vendor.heart._record, refuse  # noqa: SLF001  the spool is full
    with pytest.raises(OSError, match=r"^$"):
        vendor.pass_s(60)
    vendor.heart._record = working  # noqa: SLF001
    vendor.observe()
    vendor.pass_s(1)
    [beat] = vendor.take()
    assert (beat["count"], beat["healthy"]) == (2, True)


def test_declarations_are_those_of_the_schema() -> None:
    assert DeclaredControl(id="drift", cadence_s=60, max_gap_s=120).id == "drift"
    assert SIGNER.env == "test"
