"""`glasslog-issuer disclose`: give out what opens chosen commitments of a decision, and nothing else."""

from pathlib import Path

import click

from glasslog.cli.examples import example
from glasslog.commitments import Disclosure, encode_disclosures
from glasslog_issuer import files
from glasslog_issuer.bodies import Access, Authentication, Party
from glasslog_issuer.cli.sign import DISCLOSURES_SUFFIX
from glasslog_issuer.cli.vault import chosen
from glasslog_issuer.cli.vault_options import JSON_OPTION, VAULT_OPTION, echo_json, master_key_options
from glasslog_issuer.cli.vault_signing import Signing, signing_options
from glasslog_issuer.vault import Kept, NotKeptError, Vault

_TAG_BYTES_MIN = 16


@click.command(
    "disclose",
    short_help="Open chosen commitments of a decision.",
    epilog=example(
        "glasslog-issuer disclose --vault vault --master-key vault.key --decision URN --fields output "
        "-o output.disclosures",
    ),
)
@VAULT_OPTION
@master_key_options
@click.option("--decision", metavar="URN", help="The decision; a folder at -o takes all its records.")
@click.option("--entry-id", metavar="HEX", help="One entry of the log.")
@click.option("--fields", metavar="NAME,...", help="The commitments to open, by name; all, when left out.")
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="The disclosure file to write, or a folder."
)
@click.option("--record-access", is_flag=True, help="Record the disclosure in the log first, as an access record.")
@click.option("--actor", metavar="NAME|HEX", help="Who discloses: an organisation by name, a person by tag in hex.")
@click.option("--recipient", metavar="NAME|HEX", help="To whom.")
@click.option("--purpose", metavar="ID", help="What for, as an identifier.")
@click.option("--mfa/--no-mfa", default=False, help="Whether the actor proved who they are by a second factor.")
@signing_options
@JSON_OPTION
def command(
    *,
    folder: Path,
    master_key: bytes,
    decision: str | None,
    entry_id: str | None,
    fields: str | None,
    output: Path,
    record_access: bool,
    actor: str | None,
    recipient: str | None,
    purpose: str | None,
    mfa: bool,
    signing: Signing,
    as_json: bool,
) -> None:
    """Write a disclosure file with what opens the chosen commitments: `glasslog verify FILE --disclosures` reads it.

    The file holds content in the clear: give it to whoever may see it. What was erased cannot be disclosed, and is
    answered with its date.

    Exit codes: 0 written, 1 erased, 2 wrong usage, 3 the vault has nothing of this, or cannot be read or written.
    """
    names = frozenset(fields.split(",")) if fields is not None else None
    with Vault.open(folder, master_key, read_only=True) as vault:
        opened = _opened(vault, chosen(vault, decision, entry_id), names, several=output.is_dir())
    if record_access:
        if actor is None or purpose is None:
            raise click.UsageError("an access record says who and what for: --actor and --purpose")
        said = Access(
            actor=_party(actor),
            action="disclose",
            object="",
            purpose=purpose,
            auth=Authentication(mfa=mfa),
            recipient=_party(recipient) if recipient is not None else None,
        )
        _record(signing, opened, said)
    written = _write(opened, output)
    if as_json:
        echo_json(
            {
                "written": [
                    {"file": str(path), "entry_id": kept.entry_id.hex(), "names": _names(disclosures)}
                    for path, (kept, disclosures) in zip(written, opened, strict=True)
                ]
            }
        )
        return
    for path, (_, disclosures) in zip(written, opened, strict=True):
        click.echo(f"{path}: {', '.join(_names(disclosures))}")


_Opened = list[tuple[Kept, tuple[Disclosure, ...]]]


def _opened(vault: Vault, found: list[Kept], names: frozenset[str] | None, *, several: bool) -> _Opened:
    """Return what opens the chosen names, record by record. Raises ErasedError, NotKeptError, UsageError."""
    wanted = [kept for kept in found if not kept.discarded and (names is None or kept.commitments.keys() & names)]
    if not wanted or (names is not None and names - {name for kept in wanted for name in kept.commitments}):
        known = sorted({name for kept in found for name in kept.commitments})
        msg = f"expected names of commitments in the vault ({', '.join(known)[:300]}), got others"
        raise NotKeptError(msg)
    if len(wanted) > 1 and not several:
        listed = "\n".join(f"  {kept.entry_id.hex()}: {', '.join(kept.commitments)}" for kept in wanted)
        msg = f"the decision has {len(wanted)} records with these: name one by --entry-id, or a folder at -o\n{listed}"
        raise click.UsageError(msg)
    for kept in wanted:
        if kept.erased_at is not None:
            vault.disclosures(kept.record_id)  # raises, with the date and the request
    return [
        (kept, vault.disclosures(kept.record_id, None if names is None else names & kept.commitments.keys()))
        for kept in wanted
    ]


def _record(signing: Signing, opened: _Opened, said: Access) -> None:
    """Record each disclosure before anything is written."""
    with signing.recording() as recording:
        statements = []
        for kept, disclosures in opened:
            what = f"entry {kept.entry_id.hex()}: {', '.join(_names(disclosures))}"
            body = Access(
                actor=said.actor,
                action=said.action,
                object=what[:200],
                purpose=said.purpose,
                auth=said.auth,
                recipient=said.recipient,
            )
            statements.append(recording.record(body, decision=kept.decision).statement)
        signing.deliver(statements)


def _write(opened: _Opened, output: Path) -> list[Path]:
    several = output.is_dir()
    written = []
    for kept, disclosures in opened:
        path = output / f"{kept.entry_id.hex()}{DISCLOSURES_SUFFIX}" if several else output
        files.create(path, encode_disclosures(disclosures), files.PRIVATE_MODE)
        written.append(path)
    return written


def _names(disclosures: tuple[Disclosure, ...]) -> list[str]:
    return [disclosure.name for disclosure in disclosures]


def _party(text: str) -> Party:
    """Return a keyed tag where the text is one in hex, else the name of an organisation."""
    try:
        tag = bytes.fromhex(text)
    except ValueError:
        return text
    return tag if len(tag) >= _TAG_BYTES_MIN else text
