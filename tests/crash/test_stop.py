"""Stop the real server in order under full load: whatever it took it has answered."""

import random
import signal
import time
from functools import partial

import pytest

from tests.crash.load import Ledger, Load, issuers
from tests.e2e.client import Client
from tests.e2e.installed import Installed
from tests.e2e.processes import run

STOPS = 3
WORKERS = (0, 1, 2)


@pytest.mark.crash
def test_a_stopped_server_has_answered_everything_that_it_took(log: Installed, crash_seed: int) -> None:
    """So the log holds exactly what was acknowledged: no submitter is left to guess."""
    chance = random.Random(crash_seed)
    ledger, parties = Ledger(), issuers()
    for number in range(STOPS):
        with log.serve(WORKERS[number % len(WORKERS)]).ready() as server:
            load = Load(ledger, parties, partial(Client, server.url, log.vkey), crash_seed + number).start()
            time.sleep(chance.uniform(0, 0.5))
            server.signal(signal.SIGTERM)
            assert server.wait() == 0
            load.join()
    with log.serve().ready() as server:
        client = Client(server.url, log.vkey)
        leaves = client.leaves(client.checkpoint().size)
        acknowledged = {index: leaf for leaf, index in ledger.acknowledged.items()}
        assert dict(enumerate(leaves[2:], start=2)) == acknowledged
        assert server.stop() == 0
    assert run("fsck", "--config", log.config_path).code == 0
