# SPDX-License-Identifier: Apache-2.0
"""How an answer leaves: properly through aiohttp, or by hand when a fault wants the wire itself to misbehave."""

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

BY_HAND = frozenset({"reset_before", "reset_inside", "reset_after", "short_of_length", "past_length"})
"""Kinds whose promise and whose bytes differ."""
_WORTH_COMPRESSING = 1024
_GARBAGE = b"\x00\x00padding behind the stream\xff" * 3
_CHUNK = 1 << 16


@lru_cache(maxsize=24)
def compressed(body: bytes) -> bytes:
    """The gzip stream of a body; the same bytes every time."""
    return gzip.compress(body, compresslevel=4, mtime=0)


def encoded(
    response: Response, fault: Fault | None, headers: dict[str, str], *, accepts: bool
) -> tuple[bytes, dict[str, str]]:
    """The bytes that travel, and their headers.

    :param accepts: whether the client takes gzip and the simulator may use it.
    """
    body, kind = response.body, fault.kind if fault else ""
    if fault and kind == "bomb":
        return _bomb(fault.size), {**headers, "content-encoding": "gzip"}
    if fault and kind == "truncated":
        body = body[: int(len(body) * fault.fraction)]
    if kind in ("truncated_gzip", "gzip_garbage") or (accepts and len(body) > _WORTH_COMPRESSING):
        headers = {**headers, "content-encoding": "gzip", "vary": "accept-encoding"}
        body = compressed(body)
        if fault and kind == "truncated_gzip":
            body = body[: int(len(body) * fault.fraction)]
        elif kind == "gzip_garbage":
            body += _GARBAGE
    return body, headers


async def deliver(
    request: web.BaseRequest, status: int, body: bytes, headers: Mapping[str, str], fault: Fault | None
) -> web.StreamResponse:
    """Send the answer as the fault wants it."""
    if fault and fault.kind in BY_HAND:
        return await _by_hand(request, status, body, headers, fault)
    if fault and fault.kind == "drip":
        return await _drip(request, status, body, headers, fault.seconds)
    if fault and fault.kind == "huge":
        return await _huge(request, headers, fault.size)
    return web.Response(status=status, body=body, headers=headers)


async def _by_hand(
    request: web.BaseRequest, status: int, body: bytes, headers: Mapping[str, str], fault: Fault
) -> web.StreamResponse:
    """Write to the socket without aiohttp, so that what is promised and what is sent can differ."""
    transport = request.transport
    assert transport is not None
    sock: socket.socket | None = transport.get_extra_info("socket")
    if fault.kind != "reset_before":
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{k}: {v}" for k, v in headers.items())]
        part = int(len(body) * fault.fraction)
        promised = part if fault.kind == "past_length" else len(body)
        head = "\r\n".join([*lines, f"content-length: {promised}", "", ""]).encode()
        sent = body if fault.kind in ("reset_after", "past_length") else body[:part]
        transport.write(head + sent)
        while transport.get_write_buffer_size():
            await asyncio.sleep(0.001)
        # Without a breath, the reset overtakes what was written and the client sees no byte of it.
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
    pieces = 20
    step = max(1, -(-len(body) // pieces))
    with suppress(ConnectionError):  # the client may lose its patience: that is what the fault is for
        await stream.prepare(request)
        for at in range(0, len(body), step):
            await asyncio.sleep(seconds / pieces)
            await stream.write(body[at : at + step])
        await stream.write_eof()
    return stream


@lru_cache(maxsize=2)
def _bomb(size: int) -> bytes:
    """The gzip stream of a valid page of ``size`` bytes, in steps, so that the page never stands in memory."""
    head, tail = b'{"data":["', b'"],"has_more":false,"next_page":null}'
    packer, block = zlib.compressobj(1, zlib.DEFLATED, 31), b"x" * (1 << 20)
    left = max(0, size - len(head) - len(tail))
    parts = [packer.compress(head)]
    parts += [packer.compress(block) for _ in range(left // len(block))]
    parts += [packer.compress(block[: left % len(block)]), packer.compress(tail), packer.flush()]
    return b"".join(parts)


async def _huge(request: web.BaseRequest, headers: Mapping[str, str], size: int) -> web.StreamResponse:
    """A valid page of exactly ``size`` bytes that never stands in memory."""
    head, tail = b'{"data":["', b'"],"has_more":false,"next_page":null}'
    stream = web.StreamResponse(headers={**headers, "content-length": str(max(size, len(head) + len(tail)))})
    left = max(0, size - len(head) - len(tail))
    with suppress(ConnectionError):
        await stream.prepare(request)
        await stream.write(head)
        while left:
            step = min(left, _CHUNK)
            await stream.write(b"x" * step)
            left -= step
        await stream.write(tail)
        await stream.write_eof()
    return stream
