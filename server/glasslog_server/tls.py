"""Make the TLS settings of the public side from the files that the configuration names."""

import ssl

from glasslog_server.config import Config
from glasslog_server.errors import ConfigError
from glasslog_server.keyfiles import check_private


def tls_context(config: Config) -> ssl.SSLContext | None:
    """Return the TLS settings of the public side, None without. Raises ConfigError, KeyFileError."""
    certificate, key = config.http.tls_certificate, config.http.tls_key
    if certificate is None or key is None:
        return None
    check_private(key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except OSError as error:  # ssl.SSLError is one
        msg = f"http.tls_certificate {certificate}, http.tls_key {key}: cannot be used: {error}"
        raise ConfigError(msg) from error
    return context


def _no_password() -> str:
    """Answer for an encrypted key: a server has nobody to ask, and OpenSSL would ask the terminal."""
    return ""
