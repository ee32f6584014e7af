"""Health, readiness and metrics."""

from tests.server.http.running_log import RunningLog
from tests.server.http.statements import CLINIC, STRANGER


async def test_a_log_that_works_is_alive_and_ready_on_both_sides(log: RunningLog) -> None:
    for ask in (log.get, log.ask_admin):
        alive, ready = await ask("/healthz"), await ask("/readyz")
        assert (alive.status, alive.json()) == (200, {"status": "alive"})
        assert (ready.status, ready.json()["status"], ready.json()["tree_size"]) == (200, "ready", log.size)
        assert ready.headers["Cache-Control"] == "no-store"


async def test_a_log_that_takes_nothing_more_is_alive_and_not_ready(log: RunningLog) -> None:
    log.log.sequencer.stop()
    await log.log.wait_stopped()
    assert (await log.get("/healthz")).status == 200
    answer = await log.get("/readyz")
    assert answer.problem() == (503, "Service Unavailable", "stopping")
    assert (answer.headers["Retry-After"], answer.cbor()[-2]) == ("1", "the log does not take statements now")
    told = await log.ask_admin("/readyz")
    assert (told.status, told.cbor()[-2]) == (503, "the server is shutting down")
    assert (await log.submit(CLINIC.statement())).problem() == (503, "Service Unavailable", "stopping")
    assert await log.metric("glasslog_ready") == 0


async def test_what_happens_is_counted(log: RunningLog) -> None:
    statement = CLINIC.statement()
    await log.submit(statement)
    await log.submit(statement)
    await log.submit(STRANGER.statement())
    await log.submit_all([*CLINIC.statements(3), STRANGER.statement()])
    await log.get("/nowhere")
    assert await log.metric("glasslog_entries_total") == 6  # with two registrations
    assert await log.metric("glasslog_duplicates_total") == 1
    assert await log.metric("glasslog_statements_admitted_total") == 7
    assert await log.metric("glasslog_statements_refused_total", code="unknown_key") == 2
    assert await log.metric("glasslog_http_problems_total", code="unknown_key") == 1
    assert await log.metric("glasslog_tree_size") == log.size == 7
    assert await log.metric("glasslog_ready") == 1
    assert await log.metric("glasslog_queue_entries") == 0
    labels = {"method": "POST", "route": "/entries", "status": "201"}
    assert await log.metric("glasslog_http_requests_total", **labels) == 3
    labels = {"method": "GET", "route": "unmatched", "status": "404"}
    assert await log.metric("glasslog_http_requests_total", **labels) == 1
    assert await log.metric("glasslog_round_entries_count") >= 4
    assert await log.metric("glasslog_store_sync_seconds_count") >= 4
    assert await log.metric("glasslog_http_body_bytes_total") > len(statement.entry) * 6


async def test_the_operators_side_serves_nothing_else(log: RunningLog) -> None:
    assert (await log.ask_admin("/checkpoint")).status == 404
    assert (await log.get("/metrics")).status == 404
    assert "Access-Control-Allow-Origin" not in (await log.ask_admin("/metrics")).headers
