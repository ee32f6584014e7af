"""Kill the real server at random moments, again and again: what it has promised stays true.

Checked after every restart, which the server must manage by itself: every acknowledged entry is at its index, the root
of the checkpoint is the root of the leaves, and the checkpoint continues every one that was ever seen. Run more rounds
with `--crash-rounds N`, and the same ones again with `--crash-seed N`.
"""

import json
import random
import signal
import time
from contextlib import ExitStack
from functools import partial

import pytest

from glasslog.checkpoint import Checkpoint
from tests.crash.load import Ledger, Load, issuers
from tests.e2e.client import Client
from tests.e2e.installed import Installed
from tests.e2e.processes import PATIENCE_S, Server, run
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


WORKERS = (0, 1, 2)


def kill_while_starting(log: Installed, chance: random.Random) -> Server:
    """Start a server and kill it before it is ready, most of the time."""
    server = log.serve(chance.choice(WORKERS))
    time.sleep(chance.uniform(0, START_S_MAX))
    server.kill()
    return server


def run_a_life(chance: random.Random, server: Server, load: Load) -> None:
    """Load the server for a moment, and kill it: at work, or while it ends in order.

    The process that was started is gone then; others may be left for a moment, and answer.
    """
    load.start()
    time.sleep(chance.uniform(0, LOAD_S_MAX))
    if chance.random() < 0.2:
        server.signal(signal.SIGTERM)
        time.sleep(chance.uniform(0, STOP_S_MAX))
    server.process.kill()
    assert server.process.wait(PATIENCE_S) in {-signal.SIGKILL, 0}


@pytest.mark.crash
@pytest.mark.timeout(0)
def test_a_killed_server_keeps_every_promise(
    log: Installed, crash_rounds: int, crash_seed: int, free_port: int
) -> None:
    """Each server is started while the one before may still be ending, on the same address for the operator."""
    chance = random.Random(crash_seed)
    ledger, parties = Ledger(), issuers()
    log.configure(sequencer={"round_interval_ms": 0}, admin={"listen": f"127.0.0.1:{free_port}"})
    checked: set[Checkpoint] = set()
    with ExitStack() as processes:
        before: Load | None = None
        for number in range(crash_rounds):
            if chance.random() < 0.2:
                processes.enter_context(kill_while_starting(log, chance))
            server = processes.enter_context(log.serve(chance.choice(WORKERS)))
            if before is not None:
                before.join()
            client = Client(server.ready().url, log.vkey)
            checked.add(check_promises(client, ledger, ledger.seen - checked))
            checked |= ledger.seen
            before = Load(ledger, parties, partial(Client, server.url, log.vkey), crash_seed + number)
            run_a_life(chance, server, before)
        if before is not None:
            before.join()
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
