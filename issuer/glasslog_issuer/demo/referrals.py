"""The requests that arrive: real measurements, a short note, and now and then something wrong.

Measurements are those of the held-out participants. Incomplete ones stay incomplete: one referral in ten lacks
something. The notes are written here, from the measurements, for the survey has none. Some referrals are spoilt on
purpose, the way practices do it: a unit mistaken, two cells swapped, a phone number in the text. All identifiers are
invented: numbers that are never given out (555-01xx, 987-65-43xx), and example.org.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from glasslog_issuer.demo.cohort import Measurements, Participant

DEFECT_EVERY: Final = 15  # referrals
DEFECT_OFFSET: Final = 7  # the first referral that is spoilt

_POUNDS_PER_KG: Final = 2.204623
_CM_PER_INCH: Final = 2.54
_CHOLESTEROL_MG_DL_PER_MMOL_L: Final = 38.67


class Defect(StrEnum):
    """What was spoilt on purpose."""

    WEIGHT_IN_POUNDS = "weight-in-pounds"
    NOTE_WITH_PHONE = "note-with-phone"
    HEIGHT_IN_INCHES = "height-in-inches"
    NOTE_WITH_NAME_AND_EMAIL = "note-with-name-and-email"
    CHOLESTEROL_IN_MMOL = "cholesterol-in-mmol"
    NOTE_WITH_SOCIAL_SECURITY_NUMBER = "note-with-social-security-number"
    BLOOD_PRESSURES_SWAPPED = "blood-pressures-swapped"


@dataclass(frozen=True, slots=True)
class Referral:
    """One request, all that the screening system gets to see."""

    respondent: int  # the practice's name for the person
    measurements: Measurements
    note: str


@dataclass(frozen=True, slots=True)
class Case:
    """A referral beside what only the demo knows of it: who it is, with the true answer, and what was spoilt."""

    referral: Referral
    participant: Participant
    defect: Defect | None = None


def arriving_cases(held_out: Sequence[Participant], count: int) -> Iterator[Case]:
    """Yield a case for each of the first `count` participants. Raises ValueError when there are not so many."""
    if not 0 <= count <= len(held_out):
        msg = f"expected 0 to {len(held_out)} cases, got {count}"
        raise ValueError(msg)
    kinds = tuple(Defect)
    for index, participant in enumerate(held_out[:count]):
        referral = Referral(participant.respondent, participant.measurements, _note(participant))
        if index % DEFECT_EVERY == DEFECT_OFFSET and participant.measurements.complete:
            defect = kinds[index // DEFECT_EVERY % len(kinds)]
            yield Case(spoil(referral, defect), participant, defect)
        else:
            yield Case(referral, participant)


def spoil(referral: Referral, defect: Defect) -> Referral:
    """Return the referral with one defect. Its measurements must be complete."""
    return _SPOILERS[defect](referral)


def _note(participant: Participant) -> str:
    measurements = participant.measurements
    smoking = {None: "Smoking not asked", 0.0: "Does not smoke", 1.0: "Smokes"}[measurements.smoker]
    return (
        f"{measurements.age_years:.0f}-year-old {participant.sex} patient, here for a check-up. {smoking}. "
        "No diabetes known. Please assess whether a blood test for raised sugar is due."
    )


def _scaled(name: str, factor: float) -> Callable[[Referral], Referral]:
    def spoiler(referral: Referral) -> Referral:
        value = round(getattr(referral.measurements, name) * factor, 1)
        return replace(referral, measurements=replace(referral.measurements, **{name: value}))

    return spoiler


def _noted(sentence: str) -> Callable[[Referral], Referral]:
    def spoiler(referral: Referral) -> Referral:
        return replace(referral, note=f"{referral.note} {sentence}")

    return spoiler


def _with_pressures_swapped(referral: Referral) -> Referral:
    given = referral.measurements
    swapped = replace(given, systolic_mmhg=given.diastolic_mmhg, diastolic_mmhg=given.systolic_mmhg)
    return replace(referral, measurements=swapped)


_SPOILERS: Final[dict[Defect, Callable[[Referral], Referral]]] = {
    Defect.WEIGHT_IN_POUNDS: _scaled("weight_kg", _POUNDS_PER_KG),
    Defect.NOTE_WITH_PHONE: _noted("Please call the daughter on (212) 555-0142."),
    Defect.HEIGHT_IN_INCHES: _scaled("height_cm", 1 / _CM_PER_INCH),
    Defect.NOTE_WITH_NAME_AND_EMAIL: _noted("Copy to Dr. Eleanor Whitfield, e.whitfield@example.org."),
    Defect.CHOLESTEROL_IN_MMOL: _scaled("cholesterol_mg_dl", 1 / _CHOLESTEROL_MG_DL_PER_MMOL_L),
    Defect.NOTE_WITH_SOCIAL_SECURITY_NUMBER: _noted("Insurance runs under 987-65-4320."),
    Defect.BLOOD_PRESSURES_SWAPPED: _with_pressures_swapped,
}
