"""Settings that every service shares, read from `BATON_*` in the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from baton.runtime.outbound.addresses import Permits


class Settings(BaseSettings):
    """How this process runs. Every field can be set as `BATON_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="BATON_", extra="ignore", frozen=True)

    home: Path = Field(default=Path("var"), description="Directory of the embedded set-up's data, lock and token.")
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on.")
    bus: str = Field(
        default="embedded:",
        pattern=r"^(embedded:|kafka://.+)$",
        description="`embedded:` (a durable log in BATON_HOME) or `kafka://host:port[,host:port]`.",
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL: what the brokers ask for."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512", description="With SASL: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."
    )
    kafka_user: str | None = Field(default=None, min_length=1, description="With SASL: our name.")
    kafka_password: SecretStr | None = Field(default=None, description="With SASL: our password; better in a file.")
    kafka_password_file: Path | None = Field(default=None, description="With SASL: file with our password.")
    kafka_allow_plain: bool = Field(
        default=False, description="SASL_PLAINTEXT may send the password readably (PLAIN): in a trusted network only."
    )
    kafka_ca_file: Path | None = Field(
        default=None, description="With SSL: PEM of who signs the brokers' certificates; without it the system's."
    )
    kafka_cert_file: Path | None = Field(default=None, description="With SSL: PEM of our own certificate.")
    kafka_key_file: Path | None = Field(default=None, description="With SSL: its key, if it stands in another file.")
    database_url: str | None = Field(
        default=None,
        description="`postgresql+asyncpg://…` of this service's own database; without it SQLite files in BATON_HOME.",
    )
    playbook: Path = Field(default=Path("deploy/playbook"), description="Directory of the playbook.")
    partitions: int = Field(
        default=12, ge=1, le=1024, description="Partitions of every topic; fixed when they are made, checked at start."
    )
    public_url: str | None = Field(
        default=None,
        description="Base URL under which the outside world reaches Baton; signatures are checked against it.",
    )
    allowed_hosts: str = Field(
        default="",
        description="Further host names a request may name, separated by commas; the public one and localhost may.",
    )
    roll_forward: str = Field(
        default="",
        description="Services, separated by commas, whose store was brought back from a backup and may be rolled "
        "forward from the topics; without effect where it is not behind.",
    )
    start_from: Path | None = Field(
        default=None,
        description="File written by `baton republish`: where a service with a new database begins to read.",
    )
    tokens: Path | None = Field(default=None, description="YAML file of API tokens: name, sha256, scopes.")
    log_level: str = Field(
        default="info", pattern=r"^(debug|info|warning|error)$", description="debug, info, warning or error."
    )
    trace_endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://\S+$",
        description="Where traces are sent, by OTLP over HTTP: `http://collector:4318/v1/traces`. None: no traces.",
    )
    trace_ratio: float = Field(default=1.0, ge=0, le=1, description="Share of traces that are sent, 0 to 1.")
    lease_seconds: float = Field(
        default=3.0, gt=0, description="How long a silent process keeps its lanes before another takes them over."
    )
    outbound_allow: str = Field(
        default="",
        description="What Baton may call beyond public hosts by https on 443 and 8443: hosts, addresses and CIDR "
        "ranges, separated by commas, each with an optional `:port`; `http://` before one allows it without TLS.",
    )
    outbound_authorities: Path | None = Field(
        default=None, description="PEM file of certificate authorities trusted for outgoing calls beside the system's."
    )
    max_body_bytes: int = Field(
        default=10_485_760, gt=0, description="Largest request body; for NDJSON the largest line."
    )
    graceful_seconds: float = Field(default=20.0, ge=0, description="How long a stop waits for requests in flight.")

    @field_validator("outbound_allow")
    @classmethod
    def _is_readable(cls, text: str) -> str:
        Permits.of(text)
        return text

    def may_roll_forward(self, service: str) -> bool:
        """True if the service's store may be brought up to what its topics say."""
        return service in (name.strip() for name in self.roll_forward.split(","))

    def store_url(self, service: str) -> str:
        """Return the SQLAlchemy URL of the service's own store."""
        if self.database_url:
            return self.database_url
        return f"sqlite:///{self.home.absolute() / (service + '.db')}"
