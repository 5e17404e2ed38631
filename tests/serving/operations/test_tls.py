"""HTTPS by settings; a certificate or key that cannot be relied on stops the start and says why."""

import ssl
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from prometheus_client.parser import text_string_to_metric_families

from serving.operations.errors import TlsFileError
from serving.operations.tls import tls_files

if TYPE_CHECKING:
    from tests.serving.conftest import Service, StartService, World

ENDS = datetime(2036, 1, 1, tzinfo=UTC)


def make_pair(folder: Path, name: str = "service", *, password: bytes | None = None) -> tuple[Path, Path]:
    """Write a certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "zhiheng")])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ENDS - timedelta(days=4000))
        .not_valid_after(ENDS)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    certificate, private = folder / f"{name}.crt", folder / f"{name}.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.touch(mode=0o600)
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    )
    return certificate, private


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return make_pair(tmp_path)


@pytest.fixture
def https(world: "World", pair: tuple[Path, Path], start_service: "StartService") -> Iterator["Service"]:
    certificate, key = pair
    settings = {"ZHIHENG_TLS_CERT": str(certificate), "ZHIHENG_TLS_KEY": str(key)}
    with start_service(world, certificate=certificate, **settings) as started:
        yield started


def test_nothing_set_means_no_tls() -> None:
    assert tls_files(None, None) is None


def test_a_pair_is_taken_with_the_date_it_ends(pair: tuple[Path, Path]) -> None:
    files = tls_files(*pair)
    assert files is not None
    assert files.expires_at() == ENDS


def test_one_without_the_other_is_refused(pair: tuple[Path, Path]) -> None:
    with pytest.raises(TlsFileError, match="set both"):
        tls_files(pair[0], None)
    with pytest.raises(TlsFileError, match="set both"):
        tls_files(None, pair[1])


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602, 0o601])
def test_a_key_open_to_others_is_refused(pair: tuple[Path, Path], mode: int) -> None:
    pair[1].chmod(mode)
    with pytest.raises(TlsFileError, match="chmod 600"):
        tls_files(*pair)


def test_a_file_that_cannot_be_read_is_refused_by_name(pair: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(TlsFileError, match=r"missing\.key.*cannot be read"):
        tls_files(pair[0], tmp_path / "missing.key")
    with pytest.raises(TlsFileError, match="cannot be read"):
        tls_files(tmp_path, pair[1])


def test_a_key_of_another_certificate_is_refused(pair: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(TlsFileError, match="no pair"):
        tls_files(pair[0], make_pair(tmp_path, "other")[1])


def test_a_key_with_a_password_is_refused_without_asking_for_it(tmp_path: Path) -> None:
    with pytest.raises(TlsFileError, match="password"):
        tls_files(*make_pair(tmp_path, password=b"secret"))


def test_text_that_is_no_certificate_is_refused(pair: tuple[Path, Path]) -> None:
    pair[0].write_text("not a certificate")
    with pytest.raises(TlsFileError, match="PEM"):
        tls_files(*pair)


def test_the_service_answers_over_https_to_who_trusts_its_certificate(https: "Service") -> None:
    answer = https.score({"party_id": "P0000001"})
    assert answer.status == 200, answer.text
    page = https.call("GET", "/metrics").text
    told = {one.name: one.value for family in text_string_to_metric_families(page) for one in family.samples}
    assert told["zhiheng_tls_certificate_expiry_timestamp_seconds"] == ENDS.timestamp()
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.urlopen(
            f"https://127.0.0.1:{https.port}/healthz", context=ssl.create_default_context()
        )


def test_the_service_does_not_answer_without_tls_where_it_is_set(https: "Service") -> None:
    with pytest.raises(OSError, match=r"."):
        urllib.request.urlopen(f"http://127.0.0.1:{https.port}/healthz", timeout=5)
