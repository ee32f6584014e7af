"""What happens in one decision, in words."""

from glasslog.cli.rendering.words import Fields, Lines, listed, moment, optional, under


def inference_attempt(body: Fields) -> Lines:
    """Say what was asked, whether or not an answer came."""
    yield "Asked", f"{body['requested_model']}, {body['operation']} by {_provider(body)}"
    yield from optional(body, required_guardrails=("Must run", lambda digest: f"guardrail set {digest.hex()}"))


def inference(body: Fields) -> Lines:
    """Say which model decided what, and what watched over it."""
    yield "Model", _model(body)
    yield from optional(
        body,
        decision=("Decision", _decision),
        routed=("Routed", lambda routed: f"from {routed['from']} to {routed['to']} because of {routed['reason']}"),
    )
    error = f" ({body['error_type']})" if "error_type" in body else ""
    yield "Status", f"{body['status']}{error}, automation {body['automation']}"
    yield "Took", f"{body['latency_ms']} ms{_usage(body['usage'])}"
    yield "Registered", f"model {body['model'].hex()}, configuration {body['config'].hex()}"
    yield from optional(
        body,
        principal=("On behalf of", lambda tag: f"person {tag.hex()}"),
        response_id=("Answer id", str),
        system_fingerprint=("Fingerprint", str),
    )
    if body["params"]:
        yield "Parameters", listed(f"{name} {_parameter(value)}" for name, value in body["params"].items())
    yield from under(
        "Guardrails", map(_execution, body["guardrails"]) if body["guardrails"] else ["none in this record"]
    )


def guardrail_execution(body: Fields) -> Lines:
    """Say what one guardrail decided, and by which policy."""
    yield "Guardrail", _execution(body)
    yield "Policy", f"{body['policy']['id']} {body['policy']['version']}, {body['policy']['digest'].hex()}"
    yield "Guardian", f"{body['guardian']['id']} by {body['guardian']['provider']}"
    yield "Run", f"{moment(body['started'])}, {body['latency_ms']} ms"
    yield from optional(body, coverage=("Looked at", lambda coverage: f"{coverage['seen']} of {coverage['total']}"))
    yield from under("Found", map(_finding, body["findings"]) if body["findings"] else ["nothing"])


def step(body: Fields) -> Lines:
    """Say what was done on the way to or from a decision."""
    yield "Step", f"{body['operation']}, {body['name']} {body['version']}"
    yield from optional(
        body,
        data_source=("Data source", str),
        authorization=("Authorised", lambda given: f"{given['decision']} by {given['policy']}"),
    )


def outcome(body: Fields) -> Lines:
    """Say who saw later what was true."""
    yield "Observed", f"{moment(body['observed_at'])} by {body['source']}"


def _provider(body: Fields) -> str:
    provider = body["provider"]
    region = f" in {provider['region']}" if "region" in provider else ""
    return f"{provider['name']}{region}"


def _model(body: Fields) -> str:
    asked, ran = body["requested_model"], body.get("response_model")
    name = asked if ran in {None, asked} else f"{ran} (asked for {asked})"
    return f"{name}, {body['operation']} by {_provider(body)}, {body['model_assurance']}"


def _decision(decision: Fields) -> str:
    parts = [str(decision["label"])]
    parts.extend(f"{name} {decision[name]}" for name in ("score", "threshold") if name in decision)
    if decision.get("reason_codes"):
        parts.append("because of " + ", ".join(decision["reason_codes"]))
    return ", ".join(parts)


def _usage(usage: Fields) -> str:
    words = {"input_tokens": "tokens in", "output_tokens": "tokens out"}
    return "".join(f", {usage[name]} {word}" for name, word in words.items() if name in usage)


def _parameter(value: object) -> str:
    return (
        {None: "none", True: "yes", False: "no"}[value]
        if value is None or value is True or value is False
        else str(value)
    )


def _execution(execution: Fields) -> str:
    guardian = execution["guardian"]
    reason = f" because of {execution['reason_code']}" if "reason_code" in execution else ""
    where = f"{execution['target']}, {execution['position']}"
    return f"{guardian['name']} {guardian['version']} ({where}): {execution['decision']}{reason}"


def _finding(finding: Fields) -> str:
    numbers = "".join(f", {name} {finding[name]}" for name in ("score", "count") if name in finding)
    return f"{finding['category']}, severity {finding['severity']}{numbers}"
