"""The client against the real server: what is promised to those who read nothing but the first page."""

import hashlib
import re
import shutil
import textwrap
from pathlib import Path
from typing import Any

import pytest

import glasslog_issuer
from glasslog.commitments import decode_disclosures, verify_disclosure
from glasslog.records import decode_record
from glasslog.statement import SignedStatement, decode_transparent_statement, sign_statement
from glasslog_issuer import Client, Issuer, Registered, Rejected, RetryPolicy, Stream, client, load_key
from glasslog_issuer.errors import RefusedError, UnavailableError
from tests.issuer.parties import CONFIG, MODEL, inference
from tests.issuer.real_log import ISSUER, RealLog
from tests.verifier.evidence import STRANGER_KEY, SYSTEM


@pytest.fixture
def issuer(real_log: RealLog) -> Issuer:
    return Issuer(ISSUER, load_key(real_log.key_path), system=SYSTEM, env="test", stream=Stream("decisions"))


@pytest.fixture
def many(issuer: Issuer) -> list[SignedStatement]:
    return [issuer.sign(inference(), commit={"input": number}).statement for number in range(20)]


def test_the_example_on_the_first_page_runs(real_log: RealLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = glasslog_issuer.__doc__ or ""
    blocks = re.findall(r"(?m)(?:^    .*\n)+", page)
    assert len(blocks) == 2
    monkeypatch.chdir(tmp_path)
    shutil.copy(real_log.key_path, "issuer.pem")
    names: dict[str, Any] = {name: getattr(glasslog_issuer, name) for name in glasslog_issuer.__all__}
    names |= {"log_url": real_log.url, "vkey": real_log.vkey, "rules_digest": hashlib.sha256(b"rules").digest()}
    for block in blocks:
        code = textwrap.dedent(block).replace("https://vendor.example", ISSUER)
        exec(compile(code, "the first page", "exec"), names)  # noqa: S102  the example is ours
    assert names["registered"].verified
    transparent = decode_transparent_statement(names["registered"].transparent_statement())
    commitments = decode_record(transparent.statement.payload).commitments
    opened = decode_disclosures(names["signed"].disclosure_file())
    for disclosure in opened:
        verify_disclosure(disclosure, commitments)
    assert {disclosure.name for disclosure in opened} == {"input", "output"}


def test_one_statement_is_registered_once_however_often_it_is_sent(real_log: RealLog, issuer: Issuer) -> None:
    signed = issuer.sign(MODEL)
    with Client(real_log.url, log_keys=[real_log.vkey]) as made:
        first, again = made.submit(signed.statement), made.submit(signed.statement)
        assert made.receipt(signed.statement).receipt == first.receipt
    assert first.verified
    assert (first.index, first.receipt) == (again.index, again.receipt)
    assert again.duplicate is not False  # None when the answer came in two steps, which a slow disk can cause


def test_many_statements_get_indexes_in_their_order(
    real_log: RealLog, many: list[SignedStatement], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "BATCH_ENTRIES_MAX", 7)
    with Client(real_log.url, log_keys=[real_log.vkey]) as made:
        outcomes = list(made.submit_many(many))
        again = list(made.submit_many(many))
    assert [outcome for outcome in outcomes if isinstance(outcome, Rejected)] == []
    registered = [outcome for outcome in outcomes if isinstance(outcome, Registered)]
    assert [outcome.statement for outcome in registered] == many
    assert all(outcome.verified for outcome in registered)
    indexes = [outcome.index for outcome in registered]
    assert indexes == sorted(set(indexes))
    assert [(o.index, o.duplicate) for o in again if isinstance(o, Registered)] == [(index, True) for index in indexes]


def test_what_the_log_refuses_is_told_with_title_detail_and_reason(real_log: RealLog, issuer: Issuer) -> None:
    good = issuer.sign(CONFIG).statement
    stranger = sign_statement(STRANGER_KEY, issuer=ISSUER, subject=SYSTEM, payload=good.payload)
    with Client(real_log.url, log_keys=[real_log.vkey]) as made:
        with pytest.raises(RefusedError) as refused:
            made.submit(stranger)
        first, second, third = made.submit_many([good, stranger, issuer.sign(CONFIG).statement])
    assert (refused.value.title, refused.value.reason) == ("Rejected", "unknown_key")
    assert ISSUER in refused.value.detail
    assert isinstance(first, Registered)
    assert isinstance(second, Rejected)
    assert isinstance(second.error, RefusedError)
    assert (second.error.title, second.error.reason) == ("Rejected", "unknown_key")
    assert isinstance(third, Registered)


def test_a_statement_that_is_not_in_the_log_has_no_receipt(real_log: RealLog, issuer: Issuer) -> None:
    with Client(real_log.url) as made, pytest.raises(RefusedError, match=r"^Not Found") as refused:
        made.receipt(issuer.sign(MODEL).statement)
    assert refused.value.reason == "not_found"


def test_a_wrong_path_is_refused_as_such(real_log: RealLog, issuer: Issuer) -> None:
    with Client(f"{real_log.url}/elsewhere") as made, pytest.raises(RefusedError):
        made.submit(issuer.sign(MODEL).statement)


def test_a_batch_above_the_bound_of_the_server_arrives_in_parts(
    real_log: RealLog, many: list[SignedStatement], issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "BATCH_ENTRIES_MAX", 10_000)
    monkeypatch.setattr(client, "BATCH_BYTES_MAX", 2**30)
    small = [issuer.sign(MODEL).statement for _ in range(4_097)]
    with Client(real_log.url) as made:
        assert sum(isinstance(outcome, Registered) for outcome in made.submit_many([*small, *many])) == 4_117


def test_statements_survive_a_log_that_is_stopped_and_started_while_they_are_sent(tmp_path: Path) -> None:
    with RealLog(tmp_path / "log") as log:
        issuer = Issuer(ISSUER, load_key(log.key_path), system=SYSTEM, env="test", stream=Stream("decisions"))
        statements = [issuer.sign(MODEL).statement for _ in range(3)]
        retry = RetryPolicy(sleep=lambda _: None if log.runs else log.start())
        with Client(log.url, log_keys=[log.vkey], retry=retry) as made:
            first = made.submit(statements[0])
            log.stop()
            again, *others = made.submit_many(statements)
        assert isinstance(again, Registered)
        assert (again.index, again.duplicate) == (first.index, True)
        assert [outcome.index for outcome in others if isinstance(outcome, Registered)] == [3, 4]


def test_a_log_that_is_stopped_is_unavailable(tmp_path: Path) -> None:
    with RealLog(tmp_path / "log") as log:
        issuer = Issuer(ISSUER, load_key(log.key_path), system=SYSTEM, env="test", stream=Stream("decisions"))
    retry = RetryPolicy(attempts_max=2, sleep=lambda _: None)
    with Client(log.url, retry=retry) as made, pytest.raises(UnavailableError, match=r"2 attempts"):
        made.submit(issuer.sign(MODEL).statement)
