"""Ports of this machine, which stacks that start at the same time don't take from each other.

Between the moment in which a port is found free and that in which a service listens there lie seconds of imports, in
which another stack may find it free too. So a stack claims its ports for as long as it is up, its services' deaths and
restarts included: it holds the UDP ports of the same numbers. Nothing here speaks UDP, only one process can have one,
and the system takes it back from a process that dies.
"""

import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager

HOST = "127.0.0.1"

_PORTS = range(20_000, 30_000)


@contextmanager
def claimed_port(preferred: int | None = None) -> Iterator[int]:
    """A port of 127.0.0.1 that nobody else is given here meanwhile: the preferred one if it is free, else any that is.

    It lies below the range from which systems number outgoing connections. In that range, a client that tries again and
    again to reach a server that is down may be given the server's own port, connect to itself, and keep the server out.
    """
    claim = _claim(preferred) if preferred is not None else None
    while claim is None:
        claim = _claim(_PORTS[secrets.randbelow(len(_PORTS))])

    with claim:
        yield claim.getsockname()[1]


def free_port() -> int:
    """Like `claimed_port`, for whoever listens there at once."""
    with claimed_port() as port:
        return port


def can_listen(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now, whoever has claimed it."""
    with socket.socket() as attempt:
        # As servers do it: closed connections of an earlier server don't keep the port.
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

        try:
            attempt.bind((HOST, port))
        except OSError:
            return False

    return True


def _claim(port: int) -> socket.socket | None:
    claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    try:
        claim.bind((HOST, port))
    except OSError:
        claim.close()
        return None

    if not can_listen(port):
        claim.close()
        return None

    return claim
