# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: T201 (its first line is its address)
"""A loopback API with nothing in it to wait for, so that it is not what is measured.

``GET /{pages}x{latency}/v1/organizations/analytics/users?date=…&limit=1000&page=…`` walks ``pages`` pages of 1,000
members of about 1.5 kB, each answered after ``latency`` milliseconds; every ``date`` is a walk of its
own. ``GET /stats`` counts. Rows are rendered once, at the start, and repeat after 16 pages but for each page's first
one, by which pages are told apart. The standard library alone; it ends with its standard input.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import socket
import sys

ROWS = 1000
BLOBS = 16
CHAT = [
    "message_count",
    "distinct_conversation_count",
    "distinct_projects_created_count",
    "distinct_projects_used_count",
    "distinct_files_uploaded_count",
    "distinct_artifacts_created_count",
    "distinct_shared_artifacts_viewed_count",
    "shared_conversations_viewed_count",
    "thinking_message_count",
    "distinct_skills_used_count",
    "connectors_used_count",
    "distinct_connectors_used_count",
]
COWORK = [
    "message_count",
    "action_count",
    "dispatch_turn_count",
    "skills_used_count",
    "connectors_used_count",
    "distinct_session_count",
    "distinct_skills_used_count",
    "distinct_connectors_used_count",
]
OFFICE = ["distinct_session_count", "message_count", "skills_used_count", "connectors_used_count"]
TOOLS = ("edit_tool", "multi_edit_tool", "write_tool", "notebook_edit_tool")
_TARGET = re.compile(rb"GET /(\d+)x(\d+)/v1/organizations/analytics/users\?(\S*)")
_PAGE = re.compile(rb"(?:^|&)page=page_(\d+)")

counted = {"requests": 0, "connections": 0}


def member(draw: random.Random, number: int) -> dict[str, object]:
    def counts(names: list[str], most: int) -> dict[str, int]:
        return {name: draw.randrange(most) for name in names}

    return {
        "user": {
            "id": f"user_01{draw.getrandbits(96):024x}",
            "email_address": f"person.{number}.{draw.getrandbits(24):06x}@example-enterprise.com",
            "type": "user",
        },
        "chat_metrics": counts(CHAT, 400),
        "claude_code_metrics": {
            "core_metrics": {
                **counts(["commit_count", "pull_request_count", "distinct_session_count"], 20),
                "lines_of_code": counts(["added_count", "removed_count"], 9000),
            },
            "tool_actions": {tool: counts(["accepted_count", "rejected_count"], 400) for tool in TOOLS},
        },
        "office_metrics": {app: counts(OFFICE, 90) for app in ("excel", "powerpoint")},
        "cowork_metrics": counts(COWORK, 400),
        "web_search_count": draw.randrange(40),
        "last_activity_date": f"2026-01-{number % 31 + 1:02}",
    }


def blobs() -> list[bytes]:
    """Pages without their ends; ``user_01`` and 24 digits stand behind the opening."""
    draw = random.Random(7)
    return [
        b'{"data":[%s]'
        % b",".join(json.dumps(member(draw, blob * ROWS + row), separators=(",", ":")).encode() for row in range(ROWS))
        for blob in range(BLOBS)
    ]


class Api(asyncio.Protocol):
    pages = blobs()
    opening = len(b'{"data":[{"user":{"id":"user_01')

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        counted["connections"] += 1
        self.transport, self.waiting = transport, b""
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        while b"\r\n\r\n" in self.waiting:
            head, self.waiting = self.waiting.split(b"\r\n\r\n", 1)
            self.answer(head)

    def answer(self, head: bytes) -> None:
        counted["requests"] += 1
        match = _TARGET.match(head)
        if match is None:
            self.send(json.dumps(counted).encode())
            return
        pages, latency = int(match[1]), int(match[2]) / 1000
        cursor = _PAGE.search(match[3])
        number = int(cursor[1]) if cursor else 0
        blob = memoryview(self.pages[number % BLOBS])
        more = b'"page_%d_b2Zmc2V0"' % (number + 1) if number + 1 < pages else b"null"
        body = (
            blob[: self.opening],
            b"%024d" % number,
            blob[self.opening + 24 :],
            b',"has_more":%s,"next_page":%s}' % (b"false" if more == b"null" else b"true", more),
        )
        if latency:
            asyncio.get_running_loop().call_later(latency, self.send, *body)
        else:
            self.send(*body)

    def send(self, *body: bytes | memoryview) -> None:
        if self.transport.is_closing():
            return
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % sum(map(len, body))
        self.transport.writelines((head, *body))


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Api, "127.0.0.1", 0)
    size = sum(map(len, Api.pages)) // BLOBS
    print(json.dumps({"port": server.sockets[0].getsockname()[1], "row_bytes": size // ROWS}), flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
