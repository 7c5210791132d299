# SPDX-License-Identifier: Apache-2.0
"""A deadline for the headers of a response: a socket's timeout restarts with every byte, so it does not limit them."""

from __future__ import annotations

import http.client
import io
import math
import socket
import time
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import BaseHTTPResponse


class _WithDeadline:
    """A connection on which no wait for a byte of the headers lasts beyond the deadline."""

    deadline: float
    end = math.inf

    def getresponse(self) -> BaseHTTPResponse:
        self.end = time.monotonic() + self.deadline
        try:
            response: BaseHTTPResponse = super().getresponse()  # type: ignore[misc]
        finally:
            self.end = math.inf  # who reads the body limits it
        return response

    def response_class(self, sock: socket.socket, *args: Any, **kwargs: Any) -> http.client.HTTPResponse:
        response = http.client.HTTPResponse(sock, *args, **kwargs)
        response.fp = io.BufferedReader(_Reader(self, sock, response.fp.detach()))
        return response


class _Reader(io.RawIOBase):
    """The bytes of a socket until the connection's deadline.

    :param connection: the connection.
    :param sock: its socket.
    :param raw: what reads the socket.
    """

    def __init__(self, connection: _WithDeadline, sock: socket.socket, raw: io.RawIOBase) -> None:
        self._connection = connection
        self._sock = sock
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._connection.end - time.monotonic()
        if left == math.inf:
            return self._raw.readinto(buffer)
        if left <= 0:
            raise TimeoutError(f"the headers did not end in {self._connection.deadline:g} s")
        timeout = self._sock.gettimeout()
        self._sock.settimeout(left if timeout is None else min(timeout, left))
        try:
            return self._raw.readinto(buffer)
        finally:
            self._sock.settimeout(timeout)

    def close(self) -> None:
        self._raw.close()
        super().close()


class DeadlineAdapter(HTTPAdapter):
    """An adapter that limits the time until all headers of a response are received.

    :param deadline: seconds from the request to the last header.
    """

    def __init__(self, deadline: float) -> None:
        self._pools = {
            scheme: type(
                pool.__name__,
                (pool,),
                {"ConnectionCls": type(connection.__name__, (_WithDeadline, connection), {"deadline": deadline})},
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
