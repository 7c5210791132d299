# SPDX-License-Identifier: Apache-2.0
"""Answers whose headers drip: a socket's timeout begins anew with every byte, so the whole needs a deadline."""

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
    """A connection whose socket is shut when the headers of an answer take too long."""

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
            timer.join()  # it shuts the socket before the check below, or never
        if is_late.is_set():  # what was cut off can look like the end of the headers
            raise TimeoutError(f"the headers did not end in {self.deadline:g} s")
        return response


def _shut(sock: socket.socket, is_late: threading.Event) -> None:
    is_late.set()  # before the reader wakes
    with suppress(OSError):
        # Not SSLSocket's own, which would take the encryption away from under the reader.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


class DeadlineAdapter(HTTPAdapter):
    """An adapter whose answers have all their headers by a deadline.

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
