"""How we come into a Kafka cluster: TLS, name and password, as `BATON_KAFKA_…` say."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from baton.runtime.settings import Settings

SCRAM = ("SCRAM-SHA-256", "SCRAM-SHA-512")


class NoAccess(ValueError):
    """What `BATON_KAFKA_…` say cannot be used; the message names the setting and never a secret."""


def access_of(settings: Settings) -> dict[str, Any]:
    """Return what every aiokafka client is given to come in. Raises NoAccess before anything is sent anywhere."""
    protocol = settings.kafka_security_protocol
    _refuse_what_is_not_used(settings, protocol)
    found: dict[str, Any] = {"security_protocol": protocol}
    if protocol.startswith("SASL_"):
        found |= _sasl(settings, protocol)
    if protocol.endswith("SSL"):
        found["ssl_context"] = _tls(settings)
    return found


def _refuse_what_is_not_used(settings: Settings, protocol: str) -> None:
    """A password without SASL or a CA without TLS is a mistake: one believes to be safe and is not."""
    sasl = {"KAFKA_USER": settings.kafka_user, "KAFKA_PASSWORD": _given(settings)}
    tls = {"KAFKA_CA_FILE": settings.kafka_ca_file, "KAFKA_CERT_FILE": settings.kafka_cert_file,
           "KAFKA_KEY_FILE": settings.kafka_key_file}  # fmt: skip
    unused = {} if protocol.startswith("SASL_") else sasl
    unused |= {} if protocol.endswith("SSL") else tls
    if named := [name for name, value in unused.items() if value is not None]:
        raise NoAccess(f"BATON_{named[0]} has no effect with BATON_KAFKA_SECURITY_PROTOCOL={protocol}")


def _given(settings: Settings) -> object:
    return settings.kafka_password or settings.kafka_password_file


def _sasl(settings: Settings, protocol: str) -> dict[str, Any]:
    if settings.kafka_user is None:
        raise NoAccess(f"BATON_KAFKA_SECURITY_PROTOCOL={protocol} needs BATON_KAFKA_USER")
    if settings.kafka_sasl_mechanism == "PLAIN" and protocol == "SASL_PLAINTEXT" and not settings.kafka_allow_plain:
        raise NoAccess(
            "SASL_PLAINTEXT with PLAIN sends the password readably: use SASL_SSL or SCRAM-SHA-512, "
            "or set BATON_KAFKA_ALLOW_PLAIN where the network is trusted"
        )
    return {
        "sasl_mechanism": settings.kafka_sasl_mechanism,
        "sasl_plain_username": settings.kafka_user,
        "sasl_plain_password": _password(settings),
    }


def _password(settings: Settings) -> str:
    if settings.kafka_password is not None and settings.kafka_password_file is not None:
        raise NoAccess("set BATON_KAFKA_PASSWORD or BATON_KAFKA_PASSWORD_FILE, not both")
    if settings.kafka_password is not None:
        return settings.kafka_password.get_secret_value()
    if settings.kafka_password_file is None:
        raise NoAccess("BATON_KAFKA_USER needs BATON_KAFKA_PASSWORD_FILE or BATON_KAFKA_PASSWORD")
    try:
        found = settings.kafka_password_file.read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as fault:
        raise NoAccess(f"BATON_KAFKA_PASSWORD_FILE: {_why(fault, settings.kafka_password_file)}") from None
    if not found:
        raise NoAccess(f"BATON_KAFKA_PASSWORD_FILE: {settings.kafka_password_file} is empty")
    return found


def _tls(settings: Settings) -> ssl.SSLContext:
    """A context that checks the broker's certificate and its name; there is no switch to look away."""
    try:
        context = ssl.create_default_context(cafile=settings.kafka_ca_file)
    except (OSError, ssl.SSLError) as fault:
        raise NoAccess(f"BATON_KAFKA_CA_FILE: {_why(fault, settings.kafka_ca_file)}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.kafka_cert_file is not None:
        try:
            context.load_cert_chain(settings.kafka_cert_file, settings.kafka_key_file)
        except (OSError, ssl.SSLError) as fault:
            raise NoAccess(f"BATON_KAFKA_CERT_FILE: {_why(fault, settings.kafka_cert_file)}") from None
    elif settings.kafka_key_file is not None:
        raise NoAccess("BATON_KAFKA_KEY_FILE needs BATON_KAFKA_CERT_FILE")
    return context


def _why(fault: Exception, path: Path | None) -> str:
    reason = fault.strerror if isinstance(fault, OSError) and not isinstance(fault, ssl.SSLError) else None
    return f"{path}: {reason or 'not what is needed (PEM)'}"
