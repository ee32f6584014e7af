"""Numbers of things for people, in every text that is read: findings, reports, steps and the command line."""


def counted(count: int, things: str) -> str:
    """Return a number and what it counts, which is named in the plural: `1 entry`, `2,000 entries`."""
    return f"{count:,} {_singular(things) if count == 1 else things}"


def _singular(things: str) -> str:
    return f"{things[:-3]}y" if things.endswith("ies") else things.removesuffix("s")
