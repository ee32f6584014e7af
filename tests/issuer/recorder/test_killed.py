"""A vendor's process is killed at random moments, against a real log: nothing is lost, repeated, or left out."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.issuer.real_log import ISSUER, RealLog
from tests.issuer.recorder.reading import check_stream
from tests.issuer.recorder.test_seals import check_seals
from tests.issuer.recorder.vendor import acknowledged_in, open_recorder

KILLS = 24
LIFE_S_MAX = 0.15
FLUSH_S = 60.0


@pytest.fixture
def nursery() -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "tests.issuer.recorder.vendor"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait() == 0


def live_and_die(nursery: "subprocess.Popen[str]", settings: dict[str, Any], chance: random.Random) -> None:
    """Let a vendor live for some time, and kill it: one in four perhaps while it is still opening its spool."""
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    nursery.stdin.write(f"{json.dumps(settings)}\n")
    nursery.stdin.flush()
    vendor = int(nursery.stdout.readline())
    is_open = chance.random() > 0.25 and nursery.stdout.readline() == "open\n"
    time.sleep(chance.uniform(0.0, LIFE_S_MAX))  # not to wait for anything: this is when it dies
    os.kill(vendor, signal.SIGKILL)
    last = nursery.stdout.readline()
    if last == "open\n" and not is_open:
        last = nursery.stdout.readline()
    assert last == "ended\n"


@pytest.mark.crash
@pytest.mark.parametrize("durability", ["disk", "system"])
def test_killing_the_vendor_at_any_moment_loses_nothing_repeats_nothing_and_leaves_no_gap(
    tmp_path: Path, nursery: "subprocess.Popen[str]", durability: str
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201  to run it again
    chance = random.Random(seed)
    with RealLog(tmp_path / "log") as log:
        stream = f"killed/{durability}"
        settings = {
            "folder": str(tmp_path / "spool"),
            "issuer": ISSUER,
            "key": str(log.key_path),
            "stream": stream,
            "log_url": log.url,
            "vkey": log.vkey,
            "acknowledged": str(tmp_path / "acknowledged"),
            "durability": durability,
        }
        for number in range(KILLS):
            if number == KILLS // 3:
                log.stop()  # the vendor records on, and dies on, while the log is away
            if number == KILLS // 2:
                log.start()
            live_and_die(nursery, {**settings, "seed": number}, chance)
        with open_recorder(settings) as recorder:
            recorder.seal(FLUSH_S)
            recorder.flush(FLUSH_S)
            last = recorder.status.next_seq
        entries = check_stream(log, stream)
    acknowledged = acknowledged_in(tmp_path / "acknowledged")
    logged = [entry.statement.leaf_hash.hex() for entry in entries]
    assert len(acknowledged) > 2 * KILLS
    assert set(acknowledged) <= set(logged)
    assert len(entries) >= last
    in_order = [entry.index for entry in entries]
    assert in_order == sorted(in_order)
    check_seals(entries)
