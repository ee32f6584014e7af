"""What the model sees of a person: a few numbers derived from complete measurements."""

from typing import Final

from glasslog_issuer.demo.cohort import Measurements

FEATURE_NAMES: Final = (
    "age_years",
    "male",
    "bmi_kg_m2",
    "waist_to_height",
    "systolic_mmhg",
    "pulse_bpm",
    "cholesterol_mg_dl",
    "hdl_mg_dl",
    "smoker",
)

_CM_PER_M: Final = 100.0


def features_of(measurements: Measurements) -> dict[str, float]:
    """Return the features by name, in the order of FEATURE_NAMES, each to a thousandth.

    Raises ValueError when a measurement is missing or the height is not positive.
    """
    given = {name: getattr(measurements, name) for name in measurements.__slots__}
    missing = [name for name, value in given.items() if value is None]
    if missing:
        msg = f"expected complete measurements, got none of {', '.join(missing)}"
        raise ValueError(msg)
    if given["height_cm"] <= 0:
        msg = f"expected a positive height, got {given['height_cm']}"
        raise ValueError(msg)
    derived = {
        **given,
        "bmi_kg_m2": given["weight_kg"] / (given["height_cm"] / _CM_PER_M) ** 2,
        "waist_to_height": given["waist_cm"] / given["height_cm"],
    }
    return {name: round(derived[name], 3) for name in FEATURE_NAMES}
