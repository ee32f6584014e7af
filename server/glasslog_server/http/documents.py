"""Answer in JSON."""

import json
from typing import Any

from aiohttp import hdrs, web

from glasslog_server.http.negotiation import JSON

__all__ = ["JSON", "respond_json"]


def respond_json(document: Any, caching: str, status: int = 200) -> web.Response:  # noqa: ANN401 (any JSON)
    """Return a response with a JSON document, compact and in UTF-8."""
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return web.Response(status=status, body=body, content_type=JSON, headers={hdrs.CACHE_CONTROL: caching})
