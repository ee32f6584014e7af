"""A real log on disk behind a real listener on a loopback port, and a client that hides nothing."""

import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import cbor2
from multidict import CIMultiDictProxy
from yarl import URL

from glasslog.cbor import Value
from glasslog.keys import PublicKey
from glasslog.merkle import TreeSize
from glasslog.receipt import Receipt, decode_receipt
from glasslog.records import LogPolicy, Stream
from glasslog.statement import CONTENT_TYPE_RECORD, SignedStatement
from glasslog.vkey import VerifierKey
from glasslog_server.addresses import ListenAddress
from glasslog_server.genesis import sign_policy, sign_policy_record, write_first_entry
from glasslog_server.http.admin import build_admin_app
from glasslog_server.http.app import build_app
from glasslog_server.http.listener import Listener
from glasslog_server.http.problems import CONCISE_PROBLEM
from glasslog_server.http.service import Service
from glasslog_server.http.settings import HttpSettings
from glasslog_server.log import Log, LogSettings
from glasslog_server.metrics import Metrics
from glasslog_server.quotas import Quotas
from glasslog_server.sequencer import SequencerLimits
from glasslog_server.served_log import LocalLog
from glasslog_server.storage.guard import FileGuard
from glasslog_server.storage.rocks import RocksStore
from glasslog_server.storage.store import StoreMeta
from glasslog_server.tree_heads import HeadSigner
from tests.server.http.statements import (
    BANK,
    CLINIC,
    FOREIGN_CONTENT,
    LOG_KEY,
    OPERATOR_KEY,
    ORIGIN,
    RECORD_TYPES,
    TIME_MS,
    Issuer,
    uuid7,
)

LOOPBACK = ListenAddress("127.0.0.1", 0)
COSE = {"Content-Type": "application/cose"}
SEQUENCE = {"Content-Type": "application/cbor-seq"}
STORE_ID = bytes(16)


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes = field(repr=False)

    @property
    def media_type(self) -> str:
        return self.headers.get("Content-Type", "").partition(";")[0]

    def json(self) -> Value:
        return json.loads(self.body)

    def cbor(self) -> Value:
        return cbor2.loads(self.body)

    def problem(self) -> tuple[int, str, str]:
        """Return status, title and code of a problem document; what it lacks fails the test."""
        assert self.media_type == CONCISE_PROBLEM, self
        document = self.cbor()
        assert set(document) == {-1, -2}
        assert document[-2]
        assert self.headers["Access-Control-Allow-Origin"] == "*"
        return self.status, document[-1], self.headers["Glasslog-Problem"]

    def receipt(self) -> Receipt:
        assert self.media_type == "application/cose", self
        return decode_receipt(self.body)


@dataclass
class RunningLog:
    """The log, both of its listeners, and requests to them."""

    log: Log
    service: Service
    public: Listener
    admin: Listener
    session: aiohttp.ClientSession
    folder: Path

    @property
    def url(self) -> str:
        return self.public.address.url(tls=False)

    @property
    def size(self) -> TreeSize:
        return self.log.head.size

    @property
    def vkey(self) -> VerifierKey:
        return self.log.signer.verifier_keys[0]

    async def request(self, method: str, path: str, **options: Value) -> Answer:
        """Send a request; the path goes as it is, with its percent-encodings."""
        return await self._send(method, self.url + path, options)

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.request("GET", path, headers={key.replace("_", "-"): value for key, value in headers.items()})

    async def ask_admin(self, path: str) -> Answer:
        return await self._send("GET", self.admin.address.url(tls=False) + path, {})

    async def submit(self, statement: SignedStatement | bytes, **headers: str) -> Answer:
        data = statement if isinstance(statement, bytes) else statement.entry
        return await self.request("POST", "/entries", data=data, headers={**COSE, **headers})

    async def submit_all(self, statements: Sequence[SignedStatement], query: str = "") -> Answer:
        data = b"".join(statement.entry for statement in statements)
        return await self.request("POST", f"/entries{query}", data=data, headers=SEQUENCE)

    async def grow_to(self, size: int) -> list[SignedStatement]:
        """Log statements until a head of exactly this size is published, and return them."""
        statements = CLINIC.statements(size - self.size)
        answer = await self.submit_all(statements)
        assert answer.status == 200, answer
        assert self.size == size
        return statements

    async def metric(self, name: str, **labels: str) -> float:
        """Return the value of a series, 0 when it is not there yet."""
        text = (await self.ask_admin("/metrics")).body.decode()
        wanted = name + ("{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}" if labels else "")
        values = [line.rpartition(" ")[2] for line in text.splitlines() if line.rpartition(" ")[0] == wanted]
        return float(values[0]) if values else 0.0

    async def register(self, issuer: str, key: PublicKey, **more: Value) -> Answer:
        body = {"action": "register", "issuer": issuer, "key": key.raw, "valid_from": 0, **more}
        return await self._policy("issuer-registration", body)

    async def revoke(self, issuer: Issuer) -> Answer:
        key = issuer.key.public_key.raw
        body = {"action": "revoke", "issuer": issuer.uri, "key": key, "valid_from": 0}
        return await self._policy("issuer-registration", body)

    async def restate_policy(self, **changes: Value) -> Answer:
        """Log the policy anew, with some members of its body changed."""
        return await self._policy("log-policy", {**self.log.authority.policy.body(), **changes})

    async def _policy(self, record_type: str, body: dict[str, Any]) -> Answer:
        authority = self.log.authority
        statement = sign_policy_record(
            OPERATOR_KEY,
            ORIGIN,
            Stream("log-policy", authority.next_seq, authority.last_leaf),
            record_type,
            body,
            record_id=uuid7(-authority.next_seq),
            time_ms=TIME_MS,
        )
        return await self.submit(statement)

    async def _send(self, method: str, url: str, options: dict[str, Any]) -> Answer:
        async with self.session.request(method, URL(url, encoded=True), **options) as response:
            return Answer(response.status, response.headers, await response.read())


def new_session() -> aiohttp.ClientSession:
    """Return a client that asks for no compression and uses no connection twice: servers here close them early."""
    connector = aiohttp.TCPConnector(force_close=True)
    return aiohttp.ClientSession(connector=connector, auto_decompress=False, skip_auto_headers=["Accept-Encoding"])


async def create_log(folder: Path, *, entries_access: str = "public") -> LogSettings:
    """Write entry 0 and the guard."""
    signer = HeadSigner(ORIGIN, [LOG_KEY])
    policy = LogPolicy(
        origin=ORIGIN,
        operator_key=OPERATOR_KEY.public_key,
        log_keys=signer.public_keys,
        content_types=frozenset({CONTENT_TYPE_RECORD, FOREIGN_CONTENT}),
        record_types=RECORD_TYPES,
        entry_bytes_max=65_535,
        entries_access=entries_access,
    )
    store = RocksStore.create(folder / "store", StoreMeta(STORE_ID, ORIGIN))
    statement = sign_policy(OPERATOR_KEY, policy, record_id=uuid7(0), time_ms=TIME_MS)
    head = await write_first_entry(store, signer, statement, TIME_MS // 1_000)
    await store.close()
    guard = FileGuard.create(folder / "guard", STORE_ID, head.note)
    await guard.close()
    return LogSettings(folder / "store", folder / "guard", signer, SequencerLimits(round_interval_s=0.001))


@asynccontextmanager
async def serve(
    settings: LogSettings, http: HttpSettings | None = None, clock: Callable[[], float] = time.time
) -> AsyncIterator[RunningLog]:
    """Open a log that exists and serve it, and close everything in the end."""
    metrics = Metrics()
    http = http or HttpSettings()
    log = await Log.open(settings, metrics, clock)
    quotas = Quotas(http.issuer_rate, http.issuer_burst, time.monotonic)
    service = Service.of(LocalLog(log, quotas), metrics, http, clock)
    public = await Listener.start(build_app(service), LOOPBACK, metrics, http, shutdown_timeout_s=1.0)
    admin = await Listener.start(build_admin_app(log, metrics), LOOPBACK, metrics, http, shutdown_timeout_s=1.0)
    try:
        async with new_session() as session:
            yield RunningLog(log, service, public, admin, session, settings.store_path.parent)
    finally:
        await public.close()
        await admin.close()
        await log.close()


@asynccontextmanager
async def new_log(
    folder: Path, http: HttpSettings | None = None, *, entries_access: str = "public"
) -> AsyncIterator[RunningLog]:
    """Serve a new log that takes statements of the clinic and of the bank: a tree of three entries."""
    async with serve(await create_log(folder, entries_access=entries_access), http) as running:
        for issuer in (CLINIC, BANK):
            assert (await running.register(issuer.uri, issuer.key.public_key)).status == 201
        yield running
