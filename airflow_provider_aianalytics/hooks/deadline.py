# SPDX-License-Identifier: Apache-2.0
"""A deadline for the headers of a response: a socket's timeout restarts with every byte, so it does not limit them."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import BaseHTTPResponse


class _ShutAtDeadline:
    """A connection whose socket is shut down when the headers of a response take too long."""

    deadline: float
    sock: socket.socket

    def getresponse(self) -> BaseHTTPResponse:
        is_late = threading.Event()
        timer = threading.Timer(self.deadline, _shut, (self.sock, is_late))
        timer.daemon = True
        timer.start()
        try:
            response: BaseHTTPResponse = super().getresponse()  # type: ignore[misc]
        finally:
            timer.cancel()
            timer.join()  # the timer shuts the socket before the check below, or never
        if is_late.is_set():  # the headers may be truncated, although they were parsed
            raise TimeoutError(f"the headers did not end in {self.deadline:g} s")
        return response


def _shut(sock: socket.socket, is_late: threading.Event) -> None:
    is_late.set()  # before the reader wakes
    with suppress(OSError):
        # SSLSocket.shutdown would end the encryption while the reader still uses it.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


class DeadlineAdapter(HTTPAdapter):
    """An adapter that limits the time until all headers of a response are received.

    :param deadline: seconds from the request to the last header.
    """

    def __init__(self, deadline: float) -> None:
        self._pools = {
            scheme: type(
                pool.__name__,
                (pool,),
                {"ConnectionCls": type(connection.__name__, (_ShutAtDeadline, connection), {"deadline": deadline})},
            )
            for scheme, pool, connection in (
                ("http", HTTPConnectionPool, HTTPConnection),
                ("https", HTTPSConnectionPool, HTTPSConnection),
            )
        }
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager
