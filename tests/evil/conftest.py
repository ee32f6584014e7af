"""One honest log for all lies: it is only ever read. Its records are those of a screening system in production."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from glasslog_issuer import Client, Issuer, Stream, load_key
from glasslog_issuer.demo.arrivals import arrivals
from glasslog_issuer.demo.practice import SYSTEM_CLOCK
from glasslog_issuer.demo.production import ENVIRONMENT, STREAM_ID, SYSTEM, Production
from glasslog_issuer.demo.referrals import arriving_cases
from glasslog_issuer.record import SignedRecord
from glasslog_issuer.recording import DirectRecording
from tests.evil.honest import Honest
from tests.issuer.demo.clinic import clinic
from tests.issuer.real_log import ISSUER, RealLog

ARRIVALS = 360
ENTRIES_MIN = 1_280  # five full bundles


@pytest.fixture(scope="session")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Honest]:
    with RealLog(tmp_path_factory.mktemp("honest") / "log") as log:
        issuer = Issuer(ISSUER, load_key(log.key_path), system=SYSTEM, env=ENVIRONMENT, stream=Stream(STREAM_ID))
        records: list[SignedRecord] = []
        production = Production(
            DirectRecording(issuer, lambda signed, _: records.append(signed)),
            replace(clinic().screening, clock=SYSTEM_CLOCK),
            clinic().cohort,
            tag_key=bytes(32),
        )
        people = arrivals(clinic().cohort.held_out, ARRIVALS)
        production.register(people.never, cadence_s=3_600, max_gap_s=7_200)
        for case in arriving_cases(people.all, ARRIVALS):
            production.screen(case)
        production.report_results(production.screened)
        with Client(log.url, log_keys=[log.vkey]) as client:
            outcomes = list(client.submit_many(signed.statement for signed in records))
        assert len(outcomes) == len(records) > ENTRIES_MIN
        yield Honest(log.url, log.folder)
