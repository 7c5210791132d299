# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy before a store: it counts requests, delays responses and cuts connections in the middle of a request."""

from __future__ import annotations

import re
import socket
import threading
import time
from contextlib import suppress
from typing import Self

_REQUEST = re.compile(rb"(GET|HEAD|PUT|POST|DELETE) (\S+) HTTP/1.1\r\n")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_LISTING = re.compile(rb"list-type=2|comp=list|/o/?\?")
_METADATA = re.compile(rb"/storage/v1/b/[^/?]+(/o/[^/?]+)?(\?(?!.*alt=media)|$)")


class StoreProxy:
    """Listens on loopback before another port of it.

    :param delay: seconds that a response is held back.
    :ivar requests: the verb of each request; ``LIST`` for a ``GET`` of many names, ``HEAD`` for one of metadata alone.
    :ivar most_at_once: the most requests that were under way at once.
    :ivar cut: the beginning of the requests to be cut in the middle of their body, ``None`` for none.
    :ivar cuts: how many were.
    """

    def __init__(self, port: int, delay: float = 0.0) -> None:
        self._to = port
        self._delay = delay
        self._lock = threading.Lock()
        self._waiting: set[socket.socket] = set()
        self.most_at_once = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.requests: list[str] = []
        self.cut: re.Pattern[bytes] | None = None
        self.cuts = 0

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._to))
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(source, sink, source is client), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, requests: bool) -> None:
        left: int | None = None
        try:
            while data := source.recv(65536):
                if requests and (request := _REQUEST.match(data)):
                    self._count(request, sink)
                elif not requests:
                    self._delay_response(source)
                if requests and self.cut and self.cut.match(data):
                    length = _LENGTH.search(data)
                    assert length is not None
                    head, body = data.index(b"\r\n\r\n") + 4, int(length[1])
                    left = head + body // 2 if body else head // 2  # a whole request would be applied
                if left is not None:
                    left -= len(data)
                    if left <= 0:
                        self.cuts += 1
                        sink.sendall(data[: len(data) + left])
                        break
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _count(self, request: re.Match[bytes], server: socket.socket) -> None:
        verb = request[1].decode()
        if verb == "GET":
            verb = "LIST" if _LISTING.search(request[2]) else "HEAD" if _METADATA.match(request[2]) else verb
        with self._lock:
            self.requests.append(verb)
            self._waiting.add(server)
            self.most_at_once = max(self.most_at_once, len(self._waiting))

    def _delay_response(self, server: socket.socket) -> None:
        with self._lock:
            is_first = server in self._waiting
        if is_first:
            time.sleep(self._delay)
            with self._lock:
                self._waiting.discard(server)
