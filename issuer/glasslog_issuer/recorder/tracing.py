"""Take the trace context from OpenTelemetry where the program uses it.

OpenTelemetry is not imported here: a program that has an active span has imported it itself.
"""

import sys


def current_trace() -> dict[str, bytes] | None:
    """Return trace id and span id of the active span (W3C Trace Context), None where there is none."""
    api = sys.modules.get("opentelemetry.trace")
    if api is None:
        return None
    context = api.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return {"trace_id": context.trace_id.to_bytes(16, "big"), "span_id": context.span_id.to_bytes(8, "big")}
