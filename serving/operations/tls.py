"""TLS by settings: a certificate and its key, looked at before anything listens."""

import ssl
import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from serving.operations.errors import TlsFileError

__all__ = ["TlsFiles", "tls_files"]

_FOR_OTHERS: Final = stat.S_IROTH | stat.S_IWOTH | stat.S_IXOTH


@dataclass(frozen=True)
class TlsFiles:
    """A certificate (with its chain) and a key that belong together."""

    certificate: Path
    key: Path

    def expires_at(self) -> datetime:
        """Return when the certificate ends."""
        from cryptography import x509  # noqa: PLC0415 - without TLS nobody needs it

        return x509.load_pem_x509_certificate(self.certificate.read_bytes()).not_valid_after_utc


def tls_files(certificate: Path | None, key: Path | None) -> TlsFiles | None:
    """Return the files to serve with, None where neither is set. Raises TlsFileError."""
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise TlsFileError(
            None,
            problem_zh="证书与私钥须同时设置（ZHIHENG_TLS_CERT 与 ZHIHENG_TLS_KEY）。",
            problem_en="set both, the certificate (ZHIHENG_TLS_CERT) and its key (ZHIHENG_TLS_KEY).",
        )
    for path in (certificate, key):
        _readable(path)
    if key.stat().st_mode & _FOR_OTHERS:
        raise TlsFileError(
            key,
            problem_zh=f"私钥文件对其他用户开放。请运行 chmod 600 {key}，并考虑更换私钥。",
            problem_en=f"the key is open to other users. Run chmod 600 {key}, and consider a new key.",
        )
    _belong_together(certificate, key)
    return TlsFiles(certificate.resolve(), key.resolve())


def _readable(path: Path) -> None:
    try:
        with path.open("rb"):
            return
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise TlsFileError(
            path,
            problem_zh=f"文件不可读（{reason}）。请检查路径与权限。",
            problem_en=f"the file cannot be read ({reason}). Check its path and its rights.",
        ) from error


def _belong_together(certificate: Path, key: Path) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=_no_password)
    except (ssl.SSLError, ValueError) as error:
        raise TlsFileError(
            certificate,
            problem_zh="证书与私钥不是一对、不是 PEM 格式，或私钥带口令。请提供 PEM 格式、互相匹配、不带口令的文件。",
            problem_en="certificate and key are no pair, are not PEM, or the key has a password. "
            "Give PEM files that belong together, the key without a password.",
        ) from error


def _no_password() -> str:
    """Answer OpenSSL's question for a password; it would ask on the terminal."""
    return ""
