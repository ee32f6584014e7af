"""Who arrives, and when: people the model was not fitted to, in an order that changes half way.

The first half comes as the survey drew them. Then a home for the elderly joins the practice, and whoever arrives is
sixty or older: real people, from the same survey, but no longer the mixture that the model was fitted to. Nothing about
a single one of them is wrong, so no guardrail stops anybody; only who watches the stream as a whole can see it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from glasslog_issuer.demo.cohort import Participant

ELDERLY_YEARS: Final = 60.0
ARRIVALS_MIN: Final = 60
ARRIVALS_MAX: Final = 400  # there are no more elderly people among those held out
_BEFORE_RETRAINING: Final = 0.8


@dataclass(frozen=True, slots=True)
class Arrivals:
    """People in the order in which they arrive, in three phases, and those held out who never arrive."""

    usual: tuple[Participant, ...]
    shifted: tuple[Participant, ...]
    after_retraining: tuple[Participant, ...]
    never: tuple[Participant, ...]

    @property
    def all(self) -> tuple[Participant, ...]:
        """Return everybody who arrives."""
        return (*self.usual, *self.shifted, *self.after_retraining)


def arrivals(held_out: Sequence[Participant], count: int) -> Arrivals:
    """Return `count` arrivals out of the people held out. Raises ValueError for a number that they cannot give."""
    if not ARRIVALS_MIN <= count <= ARRIVALS_MAX:
        msg = f"expected {ARRIVALS_MIN} to {ARRIVALS_MAX} arrivals, got {count}"
        raise ValueError(msg)
    usual, rest = tuple(held_out[: count // 2]), held_out[count // 2 :]
    elderly = tuple(person for person in rest if (person.measurements.age_years or 0.0) >= ELDERLY_YEARS)
    joining = elderly[: count - len(usual)]
    shifted_count = round(count * _BEFORE_RETRAINING) - len(usual)
    arrived = {person.respondent for person in (*usual, *joining)}
    return Arrivals(
        usual,
        joining[:shifted_count],
        joining[shifted_count:],
        tuple(person for person in held_out if person.respondent not in arrived),
    )
