"""A log whose entries need a token: what stays public, and what a tenant may see."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest

from glasslog.statement import SignedStatement
from glasslog_server.http.settings import AccessToken, HttpSettings
from tests.server.http.running_log import RunningLog, new_log
from tests.server.http.statements import BANK, CLINIC, subject_of

TENANT = "tenant-secret"
AUDITOR = "auditor-secret"
SHARED = subject_of(10**6)
IMMUTABLE_PRIVATE = "private, max-age=31536000, immutable"


@pytest.fixture
async def private(tmp_path: Path) -> AsyncIterator[RunningLog]:
    tokens = [
        AccessToken(hashlib.sha256(TENANT.encode()).digest(), frozenset({CLINIC.uri})),
        AccessToken(hashlib.sha256(AUDITOR.encode()).digest(), "*"),
    ]
    async with new_log(tmp_path, HttpSettings(tokens=tokens), entries_access="token") as running:
        yield running


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def logged(log: RunningLog) -> tuple[SignedStatement, SignedStatement]:
    clinics, banks = CLINIC.statement(subject=SHARED), BANK.statement(subject=SHARED)
    await log.submit_all([clinics, banks])
    return clinics, banks


def closed_paths(statement: SignedStatement) -> list[str]:
    entry = f"/entries/{statement.leaf_hash.hex()}"
    formats = [f"{entry}?format={name}" for name in ("statement", "transparent-statement", "bundle")]
    stream = f"/streams?issuer={quote(CLINIC.uri)}&stream=models"
    return [*formats, f"/decisions/{SHARED}", stream, "/tile/entries/000.p/5"]


async def test_hashes_proofs_and_receipts_are_for_everybody(private: RunningLog) -> None:
    statement, _ = await logged(private)
    entry = f"/entries/{statement.leaf_hash.hex()}"
    for path in (
        "/checkpoint",
        "/tile/0/000.p/5",
        "/proofs/inclusion/3/5",
        "/proofs/consistency/3/5",
        entry,
        f"{entry}?format=tlog-proof",
        "/issuers",
        "/.well-known/glasslog",
    ):
        assert (await private.get(path)).status == 200, path
    assert (await private.get("/.well-known/glasslog")).json()["entries_access"] == "token"


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Basic {AUDITOR}",
        AUDITOR,
        "Bearer wrong",
        f"Bearer {AUDITOR}x",
        "Bearer " + "x" * 2_000,
    ],
)
async def test_without_a_known_token_nothing_of_an_entry_is_told(
    private: RunningLog, authorization: str | None
) -> None:
    statement, _ = await logged(private)
    headers = {} if authorization is None else {"Authorization": authorization}
    for path in closed_paths(statement):
        answer = await private.get(path, **headers)
        assert answer.problem() == (401, "Unauthorized", "no_credentials"), path
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="entries"'


async def test_a_token_for_all_issuers_opens_everything(private: RunningLog) -> None:
    for statement in await logged(private):
        for path in closed_paths(statement):
            answer = await private.get(path, **bearer(AUDITOR))
            assert answer.status == 200, path
            assert not answer.headers["Cache-Control"].startswith("public")


async def test_a_tenants_token_opens_its_own_entries_alone(private: RunningLog) -> None:
    own, other = await logged(private)
    for name in ("statement", "transparent-statement", "bundle"):
        assert (await private.get(f"/entries/{own.leaf_hash.hex()}?format={name}", **bearer(TENANT))).status == 200
        answer = await private.get(f"/entries/{other.leaf_hash.hex()}?format={name}", **bearer(TENANT))
        assert answer.problem() == (403, "Forbidden", "no_access")
    assert (await private.get("/tile/entries/000.p/5", **bearer(TENANT))).problem()[0] == 403
    assert (await private.get(f"/streams?issuer={quote(BANK.uri)}&stream=models", **bearer(TENANT))).problem()[0] == 403
    assert (await private.get(f"/streams?issuer={quote(CLINIC.uri)}&stream=models", **bearer(TENANT))).status == 200


async def test_a_tenant_is_told_its_own_entries_of_a_shared_decision_alone(private: RunningLog) -> None:
    own, other = await logged(private)
    of_tenant = (await private.get(f"/decisions/{SHARED}", **bearer(TENANT))).json()["entries"]
    of_auditor = (await private.get(f"/decisions/{SHARED}", **bearer(AUDITOR))).json()["entries"]
    assert [entry["entry_id"] for entry in of_tenant] == [own.leaf_hash.hex()]
    assert [entry["entry_id"] for entry in of_auditor] == [own.leaf_hash.hex(), other.leaf_hash.hex()]


async def test_what_a_token_opened_is_not_kept_by_shared_caches(private: RunningLog) -> None:
    statement, _ = await logged(private)
    entry = f"/entries/{statement.leaf_hash.hex()}"
    kept = {"statement": IMMUTABLE_PRIVATE, "transparent-statement": IMMUTABLE_PRIVATE, "bundle": "no-cache"}
    for name, caching in kept.items():
        assert (await private.get(f"{entry}?format={name}", **bearer(AUDITOR))).headers["Cache-Control"] == caching
    bundle = await private.get("/tile/entries/000.p/5", **bearer(AUDITOR))
    assert bundle.headers["Cache-Control"] == IMMUTABLE_PRIVATE


async def test_the_scheme_of_a_token_is_not_case_sensitive(private: RunningLog) -> None:
    await logged(private)
    assert (await private.get(f"/decisions/{SHARED}", Authorization=f"bearer {AUDITOR}")).status == 200


async def test_a_public_log_ignores_tokens(log: RunningLog) -> None:
    statement, _ = await logged(log)
    for path in closed_paths(statement):
        assert (await log.get(path, **bearer("whatever"))).status == 200
