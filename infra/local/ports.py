"""Ports of the loopback."""

import socket

from producers.explained import Explained


class PortTaken(Explained):
    """Another program listens on a port; the message names it and the option for another."""


def loopback_socket(port: int, option: str) -> socket.socket:
    """A socket bound to a port of 127.0.0.1, ready to listen.

    Raises:
        PortTaken: it is in use.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise PortTaken(f"port {port} of 127.0.0.1 is taken; choose another with {option} PORT") from error
    return listener


def require_free_port(port: int, option: str) -> None:
    """Make sure that a port is free, for servers that make their own socket.

    Raises:
        PortTaken: it is in use.
    """
    loopback_socket(port, option).close()
