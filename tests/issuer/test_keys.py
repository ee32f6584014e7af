import stat
import subprocess
from pathlib import Path

import pytest

from glasslog.keys import SigningKey
from glasslog.pem import encode_private_key
from glasslog_issuer.errors import KeyFileError
from glasslog_issuer.keys import generate_key, load_key, load_public_key, public_key_path, write_key


def test_a_written_key_comes_back_with_its_public_half(tmp_path: Path) -> None:
    key = generate_key()
    public_path = write_key(tmp_path / "issuer.pem", key)
    assert public_path == tmp_path / "issuer.pub.pem"
    assert load_key(tmp_path / "issuer.pem").seed == key.seed
    assert load_public_key(public_path) == key.public_key


def test_two_keys_differ_and_randomness_comes_in_by_the_argument() -> None:
    assert generate_key().seed != generate_key().seed
    assert generate_key(lambda length: b"\x07" * length).seed == b"\x07" * 32


def test_the_owner_alone_can_read_a_written_key(tmp_path: Path) -> None:
    write_key(tmp_path / "issuer.pem", generate_key())
    assert stat.S_IMODE((tmp_path / "issuer.pem").stat().st_mode) == 0o600


@pytest.mark.parametrize("there_already", ["issuer.pem", "issuer.pub.pem"])
def test_no_key_is_overwritten_by_accident(tmp_path: Path, there_already: str) -> None:
    (tmp_path / there_already).write_text("precious")
    with pytest.raises(KeyFileError, match="not overwritten by accident"):
        write_key(tmp_path / "issuer.pem", generate_key())
    assert [path.name for path in tmp_path.iterdir()] == [there_already]
    assert (tmp_path / there_already).read_text() == "precious"


def test_a_key_is_replaced_when_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "issuer.pem"
    write_key(path, generate_key())
    path.chmod(0o644)
    key = generate_key()
    public_path = write_key(path, key, replace=True)
    assert load_key(path).seed == key.seed
    assert load_public_key(public_path) == key.public_key
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["issuer.pem", "issuer.pub.pem"]


def test_a_key_for_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot write the key"):
        write_key(tmp_path / "nowhere" / "issuer.pem", generate_key())


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_key_that_others_can_touch_is_refused_with_what_to_do(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "issuer.pem"
    write_key(path, generate_key())
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=rf"got mode {mode:04o}: run chmod 600 .*issuer\.pem"):
        load_key(path)


def test_a_key_that_only_its_owner_can_read_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "issuer.pem"
    write_key(path, generate_key())
    path.chmod(0o400)
    load_key(path)


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_file_that_is_no_key_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "issuer.pem"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match=r"issuer\.pem: expected"):
        load_key(path)


def test_a_public_key_is_no_private_key(tmp_path: Path) -> None:
    public_path = write_key(tmp_path / "issuer.pem", generate_key())
    public_path.chmod(0o600)
    with pytest.raises(KeyFileError, match="PRIVATE KEY"):
        load_key(public_path)


def test_a_key_that_goes_on_for_ever_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "issuer.pem"
    path.write_bytes(encode_private_key(SigningKey(bytes(32))) + b"\n" * 100_000)
    path.chmod(0o600)
    assert load_key(path).seed == bytes(32)  # white space after the key is no fault
    path.write_bytes(b" " * 5_000 + encode_private_key(SigningKey(bytes(32))))
    with pytest.raises(KeyFileError):
        load_key(path)


def test_a_missing_key_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"issuer\.pem: cannot read the key: No such file"):
        load_key(tmp_path / "issuer.pem")


@pytest.mark.parametrize(
    "name,public", [("issuer.pem", "issuer.pub.pem"), ("issuer", "issuer.pub.pem"), ("a.key", "a.key.pub.pem")]
)
def test_the_public_key_stands_beside_the_private_one(name: str, public: str) -> None:
    assert public_key_path(Path("/keys") / name) == Path("/keys") / public


@pytest.mark.interop
def test_openssl_reads_what_we_write(tmp_path: Path) -> None:
    key = generate_key()
    public_path = write_key(tmp_path / "issuer.pem", key)
    command = ["openssl", "pkey", "-in", str(tmp_path / "issuer.pem"), "-pubout"]
    assert subprocess.run(command, check=True, capture_output=True).stdout == public_path.read_bytes()
