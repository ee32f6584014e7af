"""What happens to opened content, in words."""

from glasslog.cli.rendering.words import Fields, Lines, listed, moment, optional, party, under, yes


def access(body: Fields) -> Lines:
    """Say who came to what, and why."""
    yield "Access", f"{body['action']} {body['object']}"
    yield "By", f"{party(body['actor'])}, second factor: {yes(body['auth']['mfa'])}"
    yield "Purpose", body["purpose"]
    yield from optional(body, recipient=("Given to", party))


def erasure(body: Fields) -> Lines:
    """Say what can no longer be opened, and where it is gone."""
    yield "Erasure", f"request {body['request_id']}, because of {body['basis']}"
    yield from under("Store", (f"{one['store']}: {one['state']} {moment(one['at'])}" for one in body["targets"]))
    yield "Commitments", listed(body["commitments"])
