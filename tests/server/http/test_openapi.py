"""The OpenAPI document says what the server does."""

import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from glasslog.cbor import Value
from glasslog_server.http.app import public_routes
from tests.server.http.running_log import RunningLog
from tests.server.http.statements import CLINIC


async def test_the_document_is_valid_openapi_3_1(log: RunningLog) -> None:
    document = (await log.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


async def test_every_route_is_described_and_everything_described_is_a_route(log: RunningLog) -> None:
    document = (await log.get("/openapi.json")).json()
    described = {(method.upper(), path) for path, operations in document["paths"].items() for method in operations}
    assert described == {(route.method, route.path) for route in public_routes(log.service)}


async def test_every_parameter_of_a_path_is_described(log: RunningLog) -> None:
    for route in public_routes(log.service):
        named = set(re.findall(r"{(\w+)}", route.path))
        assert named == {parameter.name for parameter in route.parameters if parameter.place == "path"}


async def test_every_described_path_reaches_its_handler(log: RunningLog) -> None:
    answer = await log.submit(CLINIC.statement())
    entry_id = answer.headers["Location"].rpartition("/")[2]
    examples = {
        "entry_id": entry_id,
        "level": "0",
        "index": "0",
        "size": "3",
        "size1": "1",
        "size2": "3",
        "subject": "urn:x",
        "kid": "x",
    }
    for route in public_routes(log.service):
        if route.method == "GET":
            path = re.sub(r"{(\w+)}", lambda match: examples[match[1]], route.path)
            path = path.replace("/tile/0/0", "/tile/0/000.p/3").replace("/tile/entries/0", "/tile/entries/000.p/3")
            query = "?issuer=https://x.example&stream=s" if route.path == "/streams" else ""
            answer = await log.get(path + query)
            statuses = {told.status for told in route.answers}
            assert answer.status in statuses or route.path.endswith("{kid}"), (route.path, answer)


async def test_answers_match_the_schemas_given_for_them(log: RunningLog) -> None:
    statement = CLINIC.statement(subject="urn:x", stream="s", seq=0)
    await log.submit(statement)
    document = (await log.get("/openapi.json")).json()
    for template, path in {
        "/decisions/{subject}": "/decisions/urn:x",
        "/streams": f"/streams?issuer={CLINIC.uri}&stream=s",
        "/proofs/inclusion/{index}/{size}": "/proofs/inclusion/0/3",
        "/proofs/consistency/{size1}/{size2}": "/proofs/consistency/2/3",
        "/.well-known/glasslog": "/.well-known/glasslog",
        "/issuers": "/issuers",
        "/readyz": "/readyz",
    }.items():
        responses = document["paths"][template]["get"]["responses"]
        check(responses["200"]["content"]["application/json"]["schema"], (await log.get(path)).json())
    problem = (await log.get("/entries/x", Accept="application/json")).json()
    check(document["components"]["schemas"]["Problem"], problem)


def check(schema: dict[str, Any], value: Value) -> None:
    Draft202012Validator(schema).validate(value)


async def test_no_two_operations_have_one_name(log: RunningLog) -> None:
    names = [route.name for route in public_routes(log.service)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("path", ["/checkpoint", "/entries/x", "/decisions/urn:x", "/", "/readyz", "/entries"])
async def test_a_preflight_tells_what_a_page_may_do(log: RunningLog, path: str) -> None:
    headers = {"Origin": "https://viewer.example", "Access-Control-Request-Method": "GET"}
    answer = await log.request("OPTIONS", path, headers=headers)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    allowed = "OPTIONS, POST" if path == "/entries" else "GET, HEAD, OPTIONS"
    assert answer.headers["Access-Control-Allow-Methods"] == answer.headers["Allow"] == allowed
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert "Content-Type" in answer.headers["Access-Control-Allow-Headers"]


async def test_pages_of_any_origin_may_read_answers_and_errors(log: RunningLog) -> None:
    for path in ("/checkpoint", "/nowhere", "/entries/x", "/tile/0/000", "/.well-known/glasslog"):
        answer = await log.get(path, Origin="https://viewer.example")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Glasslog-Problem" in answer.headers["Access-Control-Expose-Headers"]
        assert (answer.headers["Server"], answer.headers["X-Content-Type-Options"]) == ("glasslog-server", "nosniff")
