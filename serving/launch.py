"""Start the service in the foreground: BentoML with its telemetry off and its files under our home."""

import ipaddress
import os
import socket
from pathlib import Path
from typing import Final

from serving.errors import AddressError

__all__ = ["check_address", "serve"]

_IPV6: Final = 6
_HIDDEN: Final = ("BENTOML_CONFIG", "BENTOML_CONFIG_OPTIONS")


def serve(*, home: Path, host: str, port: int, lang: str) -> None:
    """Serve until interrupted; workers learn the settings from the environment that is set here.

    Raises AddressError when the address is none or cannot be bound.
    """
    check_address(host, port)
    home = home.resolve()
    bentoml_home = home / "run" / "bentoml"
    bentoml_home.mkdir(parents=True, exist_ok=True)
    os.environ.update(
        {
            "BENTOML_DO_NOT_TRACK": "True",
            "BENTOML_HOME": str(bentoml_home),
            "ZHIHENG_HOME": str(home),
            "ZHIHENG_HOST": host,
            "ZHIHENG_PORT": str(port),
            "ZHIHENG_LANG": lang,
        }
    )
    for name in _HIDDEN:
        os.environ.pop(name, None)  # a stranger's file could bind us to the network or switch the log off
    from serving.service import ZhihengService, tls_arguments  # noqa: PLC0415 - BentoML reads its environment when imported

    ZhihengService.serve_http(host=host, port=port, **tls_arguments())


def check_address(host: str, port: int) -> None:
    """Fail early and clearly when the address is none or taken; BentoML would print a stack trace."""
    try:
        family = socket.AF_INET6 if ipaddress.ip_address(host).version == _IPV6 else socket.AF_INET
    except ValueError as error:
        raise AddressError(host, port, "not an IP address") from error
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise AddressError(host, port, error.strerror or type(error).__name__) from error
