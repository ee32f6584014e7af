"""Kill the real server at random moments, again and again: what it has promised stays true.

Checked after every restart, which the server must manage by itself: every acknowledged entry is at its index, the root
of the checkpoint is the root of the leaves, and the checkpoint continues every one that was ever seen. Run more rounds
with `--crash-rounds N`, and the same ones again with `--crash-seed N`.
"""

import json
import random
import signal
import time
from functools import partial

import pytest

from glasslog.checkpoint import Checkpoint
from tests.crash.load import Ledger, Load, issuers
from tests.e2e.client import Client
from tests.e2e.installed import Installed
from tests.e2e.processes import Server, run
from tests.simulation.oracle import naive_root

LOAD_S_MAX = 0.8
START_S_MAX = 0.6
STOP_S_MAX = 0.1


def check_promises(client: Client, ledger: Ledger, unchecked: set[Checkpoint]) -> Checkpoint:
    """Hold the log against everything it has promised; return its checkpoint."""
    now = client.checkpoint()
    leaves = client.leaves(now.size)
    assert naive_root(leaves) == now.root
    assert len(set(leaves)) == now.size, "a statement was logged twice"
    lost = {leaf.hex(): index for leaf, index in ledger.acknowledged.items() if leaves[index : index + 1] != [leaf]}
    assert lost == {}
    for seen in unchecked:
        client.check_consistent(seen, now)
    return now


WORKERS = (0,)
"""Lives in one process: with workers, a start right after a kill is not reliable yet."""


def kill_while_starting(log: Installed, chance: random.Random) -> None:
    with log.serve(chance.choice(WORKERS)) as server:
        time.sleep(chance.uniform(0, START_S_MAX))
        server.signal(signal.SIGKILL)
        assert server.wait() == -signal.SIGKILL


def run_a_life(log: Installed, ledger: Ledger, chance: random.Random, server: Server, load: Load) -> None:
    """Load the server for a moment, and kill it: at work, or while it ends in order."""
    load.start()
    time.sleep(chance.uniform(0, LOAD_S_MAX))
    if chance.random() < 0.2:
        server.signal(signal.SIGTERM)
        time.sleep(chance.uniform(0, STOP_S_MAX))
    server.signal(signal.SIGKILL)
    assert server.wait() in {-signal.SIGKILL, 0}
    load.join()


@pytest.mark.crash
@pytest.mark.timeout(0)
def test_a_killed_server_keeps_every_promise(log: Installed, crash_rounds: int, crash_seed: int) -> None:
    chance = random.Random(crash_seed)
    ledger, parties = Ledger(), issuers()
    log.configure(sequencer={"round_interval_ms": 0})
    checked: set[Checkpoint] = set()
    for number in range(crash_rounds):
        if chance.random() < 0.2:
            kill_while_starting(log, chance)
        with log.serve(chance.choice(WORKERS)).ready() as server:
            client = Client(server.url, log.vkey)
            checked.add(check_promises(client, ledger, ledger.seen - checked))
            checked |= ledger.seen
            load = Load(ledger, parties, partial(Client, server.url, log.vkey), crash_seed + number)
            run_a_life(log, ledger, chance, server, load)
    with log.serve().ready() as server:
        client = Client(server.url, log.vkey)
        last = Load(ledger, parties[:0], partial(Client, server.url, log.vkey), 0)
        last.resubmit_all()
        final = check_promises(client, ledger, ledger.seen | checked)
        assert server.stop() == 0
    told = json.loads(run("fsck", "--json", "--config", log.config_path).out)
    assert (told["sound"], told["size"], told["root"]) == (True, final.size, final.root.hex()), told["findings"]
    assert ledger.unanswered == []
    assert set(ledger.acknowledged.values()) <= set(range(final.size))
    print(  # noqa: T201 (for who runs more rounds, with -s)
        f"\n{crash_rounds} kills, seed {crash_seed}: {len(ledger.acknowledged)} acknowledged, {final.size} entries, "
        f"{len(ledger.seen)} checkpoints, {ledger.resubmitted} resubmitted, {ledger.refused} refused"
    )
