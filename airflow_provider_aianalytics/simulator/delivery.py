# SPDX-License-Identifier: Apache-2.0
"""How a response is sent: by aiohttp, or by writing to the socket for faults that break HTTP."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
import zlib
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from http import HTTPStatus

from aiohttp import web

from .faults import Fault
from .http import Response

RAW = frozenset({"reset_before", "reset_inside", "reset_after", "short_of_length", "past_length"})
"""Faults whose Content-Length and body differ, or that reset the connection; aiohttp would not send them."""
_MIN_COMPRESSED_SIZE = 1024
_GARBAGE = b"\x00\x00padding behind the stream\xff" * 3
_CHUNK = 1 << 16


@lru_cache(maxsize=24)
def compress(body: bytes) -> bytes:
    """The gzip stream of a body, without a timestamp, so that it is always the same."""
    return gzip.compress(body, compresslevel=4, mtime=0)


def encode(
    response: Response, fault: Fault | None, headers: dict[str, str], *, accepts_gzip: bool
) -> tuple[bytes, dict[str, str]]:
    """The body as it is sent, and its headers.

    :param accepts_gzip: whether the client accepts gzip and the simulator may use it.
    """
    body, kind = response.body, fault.kind if fault else ""
    if fault and kind == "bomb":
        return _bomb(fault.size), {**headers, "content-encoding": "gzip"}
    if fault and kind == "truncated":
        body = body[: int(len(body) * fault.fraction)]
    if kind in ("truncated_gzip", "gzip_garbage") or (accepts_gzip and len(body) > _MIN_COMPRESSED_SIZE):
        headers = {**headers, "content-encoding": "gzip", "vary": "accept-encoding"}
        body = compress(body)
        if fault and kind == "truncated_gzip":
            body = body[: int(len(body) * fault.fraction)]
        elif kind == "gzip_garbage":
            body += _GARBAGE
    return body, headers


async def send(
    request: web.BaseRequest, status: int, body: bytes, headers: Mapping[str, str], fault: Fault | None
) -> web.StreamResponse:
    """Send the response, with the fault if there is one."""
    if fault and fault.kind in RAW:
        return await _send_raw(request, status, body, headers, fault)
    if fault and fault.kind == "drip":
        return await _drip(request, status, body, headers, fault.seconds)
    if fault and fault.kind == "huge":
        return await _huge(request, headers, fault.size)
    return web.Response(status=status, body=body, headers=headers)


async def _send_raw(
    request: web.BaseRequest, status: int, body: bytes, headers: Mapping[str, str], fault: Fault
) -> web.StreamResponse:
    """Write to the socket without aiohttp, so that the Content-Length and the body can differ."""
    transport = request.transport
    assert transport is not None
    sock: socket.socket | None = transport.get_extra_info("socket")
    if fault.kind != "reset_before":
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{k}: {v}" for k, v in headers.items())]
        partial = int(len(body) * fault.fraction)
        declared = partial if fault.kind == "past_length" else len(body)
        head = "\r\n".join([*lines, f"content-length: {declared}", "", ""]).encode()
        sent = body if fault.kind in ("reset_after", "past_length") else body[:partial]
        transport.write(head + sent)
        while transport.get_write_buffer_size():
            await asyncio.sleep(0.001)
        # An immediate reset would discard the bytes before the client reads them.
        await asyncio.sleep(0.02)
    if fault.kind in ("short_of_length", "past_length"):
        transport.close()
    else:
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response(status=status)


async def _drip(
    request: web.BaseRequest, status: int, body: bytes, headers: Mapping[str, str], seconds: float
) -> web.StreamResponse:
    stream = web.StreamResponse(status=status, headers={**headers, "content-length": str(len(body))})
    chunks = 20
    step = max(1, -(-len(body) // chunks))
    with suppress(ConnectionError):  # the client may time out, which is the purpose of the fault
        await stream.prepare(request)
        for offset in range(0, len(body), step):
            await asyncio.sleep(seconds / chunks)
            await stream.write(body[offset : offset + step])
        await stream.write_eof()
    return stream


@lru_cache(maxsize=2)
def _bomb(size: int) -> bytes:
    """The gzip stream of a valid page of ``size`` bytes, compressed in blocks so that the page is never in memory."""
    head, tail = b'{"data":["', b'"],"has_more":false,"next_page":null}'
    compressor, block = zlib.compressobj(1, zlib.DEFLATED, 31), b"x" * (1 << 20)
    remaining = max(0, size - len(head) - len(tail))
    parts = [compressor.compress(head)]
    parts += [compressor.compress(block) for _ in range(remaining // len(block))]
    parts += [compressor.compress(block[: remaining % len(block)]), compressor.compress(tail), compressor.flush()]
    return b"".join(parts)


async def _huge(request: web.BaseRequest, headers: Mapping[str, str], size: int) -> web.StreamResponse:
    """A valid page of exactly ``size`` bytes, sent in chunks so that it is never in memory."""
    head, tail = b'{"data":["', b'"],"has_more":false,"next_page":null}'
    stream = web.StreamResponse(headers={**headers, "content-length": str(max(size, len(head) + len(tail)))})
    remaining = max(0, size - len(head) - len(tail))
    with suppress(ConnectionError):
        await stream.prepare(request)
        await stream.write(head)
        while remaining:
            step = min(remaining, _CHUNK)
            await stream.write(b"x" * step)
            remaining -= step
        await stream.write(tail)
        await stream.write_eof()
    return stream
