"""A private key is readable by its owner alone, and what a command returns is a signature or an error."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from glasslog.keys import SigningKey
from glasslog.pem import encode_private_key, encode_public_key
from glasslog_server.errors import KeyFileError, SigningError
from glasslog_server.keyfiles import CommandSigner, read_private_key, read_public_key, write_private_key

KEY = SigningKey(bytes(range(32)))
MESSAGE = b"a tree head"


def command(code: str, timeout_s: float = 30) -> CommandSigner:
    return CommandSigner([sys.executable, "-c", code], KEY.public_key, timeout_s)


def test_a_written_key_is_read_back_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    write_private_key(path, KEY)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_private_key(path).seed == KEY.seed


def test_a_key_is_made_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_private_key(tmp_path / "log.key", KEY)
    finally:
        os.umask(before)
    assert (tmp_path / "log.key").stat().st_mode & 0o777 == 0o600


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "log.key"
    path.write_bytes(b"older")
    with pytest.raises(KeyFileError, match="a key is never overwritten"):
        write_private_key(path, KEY)
    assert path.read_bytes() == b"older"


def test_a_key_in_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot write the key: No such file"):
        write_private_key(tmp_path / "none" / "log.key", KEY)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666, 0o601])
def test_a_key_that_others_can_reach_is_refused_with_what_to_do(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "log.key"
    write_private_key(path, KEY)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=f"got mode {mode:04o}: run chmod 600 {path}"):
        read_private_key(path)


def test_the_mode_that_counts_is_that_of_the_file_behind_a_link(tmp_path: Path) -> None:
    write_private_key(tmp_path / "real.key", KEY)
    link = tmp_path / "log.key"
    link.symlink_to(tmp_path / "real.key")
    assert read_private_key(link).seed == KEY.seed


@pytest.mark.parametrize(
    "content,expected",
    [
        (b"", "expected one PEM block labelled PRIVATE KEY"),
        (encode_public_key(KEY.public_key), "expected one PEM block labelled PRIVATE KEY"),
        (b"x" * 20_000, "expected a key file of at most 16384 bytes"),
        (encode_private_key(KEY) * 2, "expected one PEM block"),
    ],
)
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "log.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match=expected):
        read_private_key(path)


def test_a_missing_key_and_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"none\.key: cannot read the key: No such file"):
        read_private_key(tmp_path / "none.key")
    with pytest.raises(KeyFileError, match="cannot read the key: Is a directory"):
        read_private_key(tmp_path)


def test_a_named_pipe_is_no_key_file(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path, 0o600)
    writer = subprocess.Popen([sys.executable, "-c", f"open({str(path)!r}, 'wb').close()"])
    with pytest.raises(KeyFileError, match="got something else"):
        read_private_key(path)
    writer.wait()


def test_a_public_key_may_be_readable_by_all(tmp_path: Path) -> None:
    path = tmp_path / "log.pub.pem"
    path.write_bytes(encode_public_key(KEY.public_key))
    path.chmod(0o644)
    assert read_public_key(path) == KEY.public_key


def test_a_private_key_is_no_public_key_file(tmp_path: Path) -> None:
    write_private_key(tmp_path / "log.key", KEY)
    with pytest.raises(KeyFileError, match="expected one PEM block labelled PUBLIC KEY"):
        read_public_key(tmp_path / "log.key")


SIGN = f"""
import sys
from glasslog.keys import SigningKey
sys.stdout.buffer.write(SigningKey({KEY.seed!r}).sign(sys.stdin.buffer.read()))
"""


def test_a_command_signs() -> None:
    signer = command(SIGN)
    assert signer.public_key == KEY.public_key
    assert signer.sign(MESSAGE) == KEY.sign(MESSAGE)


def test_a_command_is_named_without_its_arguments() -> None:
    assert str(CommandSigner(["sign", "--pin", "1234"], KEY.public_key, 1)) == "signing command sign"


@pytest.mark.parametrize(
    "code,expected",
    [
        ("import sys; sys.stdout.write('x' * 64)", "expected a signature by the key with kid"),
        ("print('short')", "expected 64 bytes on its standard output, got 6"),
        ("pass", "expected 64 bytes on its standard output, got 0"),
        (SIGN + "print()", "expected 64 bytes on its standard output, got 65"),
        ("import sys; sys.exit('no card in slot 1')", "expected exit code 0, got 1: 'no card in slot 1'"),
        ("import os; os.kill(os.getpid(), 9)", "expected exit code 0, got -9"),
    ],
)
def test_what_is_no_signature_is_refused(code: str, expected: str) -> None:
    with pytest.raises(SigningError, match=expected):
        command(code).sign(MESSAGE)


def test_a_command_that_is_not_there_is_told() -> None:
    with pytest.raises(SigningError, match="signing command /none: cannot start it: No such file"):
        CommandSigner(["/none"], KEY.public_key, 1).sign(MESSAGE)


def test_a_command_that_hangs_is_ended_with_all_that_it_has_started(tmp_path: Path) -> None:
    """The child of the command holds the other end of our pipe: it closes when the whole session is gone."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    shell = CommandSigner(["/bin/sh", "-c", f"exec 3>{pipe}; sleep 1000 & wait"], KEY.public_key, 0.5)
    with pytest.raises(SigningError, match=r"expected a signature within 0\.5 s, got none"):
        shell.sign(MESSAGE)
    os.set_blocking(reader, True)
    assert os.read(reader, 1) == b""  # the end of the file: nobody writes any more
    os.close(reader)
