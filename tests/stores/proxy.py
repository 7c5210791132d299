# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy that counts requests and cuts connections in the middle of one."""

from __future__ import annotations

import json
import re
import socket
import threading
from contextlib import suppress
from dataclasses import replace
from typing import Self

import pytest

from tests.stores.locations import Store
from tests.stores.servers import S3_KEY, S3_SECRET

_REQUEST = re.compile(rb"(GET|HEAD|PUT|POST|DELETE) (\S+) HTTP/1.1\r\n")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


class CuttingProxy:
    """Listens on loopback before another port of it.

    :ivar requests: the verb of each request; ``LIST`` for a ``GET`` of many names.
    :ivar cut: the beginning of the requests to be cut in the middle of their body, ``None`` for none.
    :ivar cuts: how many were.
    """

    def __init__(self, port: int) -> None:
        self._to = port
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

    def connect(self, monkeypatch: pytest.MonkeyPatch, store: Store) -> Store:
        """The same folder of an S3 store, reached through here; the client still goes straight to it."""
        conn_id = f"cut_{self.port}"
        extra = {
            "endpoint_url": f"http://127.0.0.1:{self.port}",
            "region_name": "us-east-1",
            "config_kwargs": {"retries": {"max_attempts": 0}},
        }
        connection = {"conn_type": "aws", "login": S3_KEY, "password": S3_SECRET, "extra": extra}
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection))
        return replace(store, url=f"s3://{conn_id}@{store.folder}")

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
                    self.requests.append("LIST" if b"list-type=2" in request[2] else request[1].decode())
                if requests and self.cut and self.cut.match(data):
                    length = _LENGTH.search(data)
                    assert length is not None
                    left = data.index(b"\r\n\r\n") + 4 + int(length[1]) // 2
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
