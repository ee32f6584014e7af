"""The operator's records about the log itself, in words."""

from glasslog.cli.rendering.words import Fields, Lines, listed, moment, octets, optional, under


def log_policy(body: Fields) -> Lines:
    """Say what a log admits, and under which keys it speaks."""
    yield "Log", body["origin"]
    yield "Operator key", octets(body["operator_key"])
    yield from under("Log keys", map(octets, body["log_keys"]))
    yield "Admits", f"{listed(body['content_types'])}, at most {body['entry_bytes_max']} bytes"
    yield "Record types", listed(body["record_types"])
    yield "Entries", "can be read by everybody" if body["entries_access"] == "public" else "can be read with a token"


def issuer_registration(body: Fields) -> Lines:
    """Say whose key may sign, and for how long."""
    yield "Key", f"{body['action']} {body['key'].hex()}"
    yield "Of", body["issuer"]
    until = f" until {moment(body['valid_until'])}" if "valid_until" in body else ""
    yield "Valid", f"from {moment(body['valid_from'])}{until}"
    yield from optional(body, reason=("Reason", str))
