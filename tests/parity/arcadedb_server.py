"""Runs ArcadeDB with its Bolt plugin on 127.0.0.1 until standard input ends: arcadedb_server.py <folder> <bolt port>."""

import secrets
import sys
from pathlib import Path

__all__: list[str] = []


def main(folder: Path, bolt_port: int, http_port: int) -> None:
    """Serve an empty database `neo4j`; the password of `root` is the first line of standard input."""
    from arcadedb_embedded.server import ArcadeDBServer

    password = sys.stdin.readline().strip() or secrets.token_hex(8)
    config = {
        "host": "127.0.0.1",
        "http_port": http_port,
        "server_plugins": "Bolt:com.arcadedb.bolt.BoltProtocolPlugin",
        "bolt_host": "127.0.0.1",
        "bolt_port": bolt_port,
    }
    with ArcadeDBServer(str(folder), password, config, jvm_kwargs={"heap_size": "768m"}) as server:
        server.create_database("neo4j")
        # Ends with the tests, whichever way they end.
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
