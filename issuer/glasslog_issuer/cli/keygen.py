"""`glasslog-issuer keygen`: make the key that an issuer signs with."""

import json
from pathlib import Path

import click

from glasslog_issuer.keys import generate_key, write_key


@click.command("keygen")
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path, dir_okay=False), help="Where to write the key."
)
@click.option("--force", is_flag=True, help="Overwrite a key that is there: it is gone for good.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(*, output: Path, force: bool, as_json: bool) -> None:
    """Make an Ed25519 key.

    The private key is PKCS#8 PEM, readable by its owner alone. The public key is written beside it (issuer.pem ->
    issuer.pub.pem): give that one to the log's operator, who registers it.
    """
    key = generate_key()
    public_path = write_key(output, key, replace=force)
    if as_json:
        told = {"kid": key.public_key.kid.hex(), "key": str(output), "public_key": str(public_path)}
        click.echo(json.dumps(told))
        return
    click.echo(f"kid         {key.public_key.kid.hex()}")
    click.echo(f"public key  {public_path}")
