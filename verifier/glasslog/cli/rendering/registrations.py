"""Registrations, in words."""

from collections.abc import Mapping
from typing import Final

from glasslog.cli.rendering.words import Fields, Lines, by_name, listed, octets, optional, span, under
from glasslog.counting import counted

MODEL_ASSURANCE: Final[Mapping[str, str]] = {
    "self-asserted": "the issuer says so",
    "provider-returned": "the provider returned this name",
    "digest-measured": "the weights were hashed",
    "tee-attested": "a trusted execution environment attests it",
}


def model_registration(body: Fields) -> Lines:
    """Say which model this is, and how that is known."""
    yield "Model", f"{body['name']} {body['version']} ({body['kind']}) by {body['publisher']}"
    yield "Known because", MODEL_ASSURANCE[body["assurance"]]
    yield from optional(
        body,
        base_model=("Made from", str),
        weights_digest=("Weights", octets),
        signing_bundle_digest=("Signed by", lambda digest: f"model-signing bundle {digest.hex()}"),
        card_digest=("Model card", octets),
        limits_digest=("Limits", octets),
        training_data=("Trained on", lambda ids: f"datasets {listed(ids)}"),
    )


def config_registration(body: Fields) -> Lines:
    """Say which configuration this is, and what it replaces."""
    yield "Configuration", f"{body['name']} {body['version']} ({body['kind']})"
    yield "Document", octets(body["digest"])
    yield from optional(body, previous=("Replaces", octets), guardrails=("Must run", listed))


def dataset_registration(body: Fields) -> Lines:
    """Say which data this is, where it comes from, and on what ground it may be used."""
    yield "Dataset", f"{body['name']} {body['version']}, {counted(body['rows'], 'rows')}"
    yield "Digest", octets(body["digest"])
    yield "From", f"{listed(body['sources'])}, {span(body['collection_period'])}"
    yield "Allowed by", f"{body['lawful_basis']}, consent {body['consent']}, licence {body['licence']}"
    yield "Labelled by", body["labelling"]
    yield "Prepared by", f"code {body['preprocessing_digest'].hex()}"
    groups = (f"{attribute}: {by_name(numbers)}" for attribute, numbers in body.get("demographics", {}).items())
    yield from under("Made up of", groups)


def system_registration(body: Fields) -> Lines:
    """Say what a system is for, who answers for it, and what it promises."""
    yield "Name", f"{body['name']}, {body['role']} {body['owner']}"
    yield "Purpose", body["purpose"]
    yield "Risk tier", f"{body['risk_tier']} under {listed(body['regimes'])}"
    controls = (
        f"{control['id']} every {control['cadence_s']} s, no gap above {control['max_gap_s']} s"
        for control in body["declared_controls"]
    )
    yield from under("Promises", [*controls, f"no record later than {body['max_lateness_s']} s"])
