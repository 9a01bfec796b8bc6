"""Into a Kafka that asks who we are: TLS and SASL by settings, and a clear word for what cannot work."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

from baton.runtime.bus.access import SCRAM, NoAccess, access_of
from baton.runtime.bus.port import Bus, Outgoing, open_bus
from baton.runtime.failures import NotNow
from baton.runtime.settings import Settings
from deploy.kafka.run import KafkaUnavailable, free_port
from tests.world import servers
from tests.world.plugin import leave_out

PASSWORD = "a password of this test"
SASL_SSL = {"kafka_security_protocol": "SASL_SSL", "kafka_user": "baton"}


def settings(**given: Any) -> Settings:
    return Settings(bus="kafka://127.0.0.1:9", **given)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"kafka_user": "baton"}, "BATON_KAFKA_USER has no effect"),
        ({"kafka_password": PASSWORD}, "BATON_KAFKA_PASSWORD has no effect"),
        ({"kafka_ca_file": "ca.pem"}, "BATON_KAFKA_CA_FILE has no effect"),
        ({"kafka_security_protocol": "SASL_SSL"}, "needs BATON_KAFKA_USER"),
        (SASL_SSL, "needs BATON_KAFKA_PASSWORD_FILE"),
        (SASL_SSL | {"kafka_password_file": "/nowhere"}, "BATON_KAFKA_PASSWORD_FILE: /nowhere: No such file"),
        (SASL_SSL | {"kafka_password_file": "/dev/null"}, "/dev/null is empty"),
        (SASL_SSL | {"kafka_password": PASSWORD, "kafka_password_file": "/dev/null"}, "not both"),
        ({"kafka_security_protocol": "SSL", "kafka_ca_file": "/nowhere"}, "KAFKA_CA_FILE: /nowhere: No such file"),
        ({"kafka_security_protocol": "SSL", "kafka_ca_file": __file__}, "not what is needed"),
        ({"kafka_security_protocol": "SSL", "kafka_cert_file": __file__}, "BATON_KAFKA_CERT_FILE"),
        ({"kafka_security_protocol": "SSL", "kafka_key_file": __file__}, "needs BATON_KAFKA_CERT_FILE"),
        (
            {"kafka_security_protocol": "SASL_PLAINTEXT", "kafka_sasl_mechanism": "PLAIN", "kafka_user": "baton",
             "kafka_password": PASSWORD}, "readably",
        ),
    ],
)  # fmt: skip
def test_settings_that_cannot_work_or_would_do_nothing_are_refused_by_name(
    given: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(NoAccess, match=complaint) as refused:
        open_bus(settings(**given))
    assert PASSWORD not in str(refused.value)


def test_a_service_with_settings_that_cannot_work_does_not_start(tmp_path: Path) -> None:
    environment = {"BATON_HOME": str(tmp_path), "BATON_BUS": "kafka://127.0.0.1:9", "BATON_KAFKA_USER": "baton"}
    done = subprocess.run(
        [sys.executable, "-m", "baton.cli.main", "run", "intake"], env={**os.environ, **environment},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "BATON_KAFKA_USER has no effect with BATON_KAFKA_SECURITY_PROTOCOL=PLAINTEXT" in done.stderr + done.stdout


def test_the_password_is_in_no_print_of_the_settings() -> None:
    given = settings(kafka_security_protocol="SASL_SSL", kafka_user="baton", kafka_password=PASSWORD)
    assert PASSWORD not in repr(given) + str(given) + given.model_dump_json()
    assert access_of(given)["sasl_plain_password"] == PASSWORD


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that signs itself, and its key in the same file."""
    folder = tmp_path_factory.mktemp("tls")
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=baton test"]
    made += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(folder / "key"), "-out", str(folder / "cert")]
    subprocess.run(made, check=True, capture_output=True)
    (folder / "both").write_text((folder / "key").read_text() + (folder / "cert").read_text())
    return folder


@pytest.fixture(scope="module")
def guarded_kafka(certificate: Path) -> Iterator[int]:
    """The port at which a real Kafka asks for TLS and SCRAM."""
    port = free_port()
    more = (
        ("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,THROUGH:SASL_SSL"),
        ("listener.name.through.ssl.keystore.type", "PEM"),
        ("listener.name.through.ssl.keystore.location", str(certificate / "both")),
        ("listener.name.through.sasl.enabled.mechanisms", ",".join(SCRAM)),
        *(
            (f"listener.name.through.{kind.lower()}.sasl.jaas.config",
             "org.apache.kafka.common.security.scram.ScramLoginModule required;")
            for kind in SCRAM
        ),
    )  # fmt: skip
    try:
        with servers.kafka_node(through=(port, port), more=more) as node:
            admin = AdminClient({"bootstrap.servers": node.bootstrap})
            for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
                info = ScramCredentialInfo(mechanism, 4096)
                asked = [UserScramCredentialUpsertion("baton", info, PASSWORD.encode())]
                for done in admin.alter_user_scram_credentials(asked).values():
                    done.result(30)
            yield port
    except KafkaUnavailable as why:
        leave_out("kafka", why)


async def hung_up() -> None:
    """Wait for the end of every connection: aiokafka waits for none that it gives up, and a loop may end before it."""
    loop: Any = asyncio.get_running_loop()
    while any(transport._sock is not None for transport in list(loop._transports.values())):
        await asyncio.sleep(0.01)


def guarded(port: int, certificate: Path, **other: Any) -> Bus:
    given = {"kafka_ca_file": certificate / "cert", "kafka_password": PASSWORD, **SASL_SSL, **other}
    given = {name: value for name, value in given.items() if value is not None}
    return open_bus(Settings(bus=f"kafka://127.0.0.1:{port}", **given))


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.parametrize("mechanism", SCRAM)
async def test_facts_go_out_and_in_over_tls_with_name_and_password(
    guarded_kafka: int, certificate: Path, mechanism: str, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text(PASSWORD + "\n")
    secret = {"kafka_password": None, "kafka_password_file": tmp_path / "password"}
    bus = guarded(guarded_kafka, certificate, kafka_sasl_mechanism=mechanism, **secret)
    topic = f"tls-{mechanism.lower()}"
    try:
        await bus.prepare([topic], 1)
        await bus.publish([Outgoing(topic, 0, "k", (), b"hello")])
        reader = await bus.reader()
        await reader.assign({(topic, 0): 0})
        found = await reader.poll(10, 10.0)
        assert [record.value for record in found[topic, 0]] == [b"hello"]
        await reader.close()
    finally:
        await bus.close()
        await hung_up()


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.parametrize(
    ("other", "complaint"),
    [
        ({"kafka_password": "wrong"}, "invalid credentials"),
        ({"kafka_ca_file": None}, "certificate verify failed"),
        (dict.fromkeys(("kafka_user", "kafka_password", "kafka_ca_file", "kafka_security_protocol")), "Unable connect"),
    ],
)  # fmt: skip
async def test_whoever_is_not_let_in_waits_and_the_log_says_why(
    guarded_kafka: int, certificate: Path, other: dict[str, Any], complaint: str, caplog: pytest.LogCaptureFixture
) -> None:
    bus = guarded(guarded_kafka, certificate, **other)
    try:
        with pytest.raises(NotNow, match="Kafka: topics"):
            await bus.prepare(["never"], 1)
        with pytest.raises(NotNow, match="Kafka: publish"):
            await bus.publish([Outgoing("never", 0, "k", (), b"hello")])
    finally:
        await bus.close()
        await hung_up()
    assert complaint in caplog.text
    assert PASSWORD not in caplog.text
