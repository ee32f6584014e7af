"""Parts that the bodies of several types share."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

ModelAssurance: TypeAlias = Literal["self-asserted", "provider-returned", "digest-measured", "tee-attested"]

Party: TypeAlias = str | bytes
"""Who did something: an organisation or a service by its name, a person by a keyed tag (HMAC) of 16 to 64 bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """Since when and until when: [from_, to), both in POSIX milliseconds."""

    from_: int
    to: int
