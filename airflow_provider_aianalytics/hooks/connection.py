# SPDX-License-Identifier: Apache-2.0
"""Parses and checks a connection, for hooks and triggers."""

from __future__ import annotations

import ipaddress
import json
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_aianalytics.exceptions import AuthenticationError, InvalidArgumentError
from airflow_provider_aianalytics.vendors.base import Vendor

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 120.0
DAY = 86_400
RESPONSE_DEADLINE_FACTOR = 5
"""The time for a whole response, as a multiple of the read timeout, which only limits the time between two bytes."""

EXTRAS: dict[str, tuple[Any, str]] = {
    "pseudonym_secret": (str | None, "a text"),
    "proxies": (dict | None, "an object of proxies by scheme"),
    "proxy": (dict | None, "an object of proxies by scheme"),
    "verify": (bool | str | None, "true, false or the path of a CA bundle"),
    "verify_ssl": (bool | str | None, "true, false or the path of a CA bundle"),
    "cert": (str | list | None, "the path of a certificate or a list of two"),
    "trust_env": (bool | None, "true or false"),
}
"""The extras that are not numbers: their types, and the names of these types in messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """The address of the API and the key to it.

    :param base_url: scheme, host and port, without a slash at the end.
    :param key: the API key; not in the ``repr``.
    :param pseudonym_secret: the key of pseudonyms, empty when the connection has none; not in the ``repr``.
    :param read_timeout: seconds without a byte before a request fails.
    :param requests_per_minute: the rate limit of this connection.
    """

    base_url: str
    key: str = field(repr=False)
    pseudonym_secret: str = field(repr=False, default="")
    read_timeout: float
    requests_per_minute: int

    @property
    def timeouts(self) -> tuple[float, float]:
        """The connect timeout and the read timeout, in seconds."""
        return min(CONNECT_TIMEOUT, self.read_timeout), self.read_timeout

    @property
    def response_deadline(self) -> float:
        """The time for a whole response, in seconds."""
        return RESPONSE_DEADLINE_FACTOR * self.read_timeout


def read_connection(connection: Connection, vendor: Vendor) -> Endpoint:
    """Parse a connection.

    :raises AuthenticationError: when it has no key.
    :raises InvalidArgumentError: when its host or one of its extras is invalid.
    """
    key = (connection.password or "").strip()
    if not key:
        raise AuthenticationError(
            f"connection {connection.conn_id!r} has no password", where=vendor.name, hint=vendor.key_help
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise AuthenticationError(
            f"the password of connection {connection.conn_id!r} contains characters that no key has (a line break, a "
            "space or a non-ASCII letter); it may have been pasted wrongly",
            where=vendor.name,
            hint=vendor.key_help,
        )
    extra = _extra(connection)
    return Endpoint(
        base_url=_base_url(connection, vendor),
        key=key,
        pseudonym_secret=extra.get("pseudonym_secret") or "",
        read_timeout=_number(connection, "timeout", extra.get("timeout"), READ_TIMEOUT, between=(0.001, DAY)),
        requests_per_minute=int(
            _number(
                connection,
                "requests_per_minute",
                extra.get("requests_per_minute"),
                vendor.requests_per_minute,
                between=(1, 1_000_000),
            )
        ),
    )


def _extra(connection: Connection) -> dict[str, Any]:
    """The connection's extra. Airflow itself treats invalid JSON as an empty one."""
    try:
        extra = json.loads(connection.extra or "{}")
    except ValueError:
        extra = None
    if not isinstance(extra, dict):  # the message does not quote it: it may contain a secret
        raise InvalidArgumentError(
            f'connection {connection.conn_id!r}: its extra is not a JSON object, such as {{"requests_per_minute": 30}}'
        )
    for name, (types, expected) in EXTRAS.items():
        if not isinstance(extra.get(name), types):  # not quoted either: a proxy's address may contain a password
            raise InvalidArgumentError(f"connection {connection.conn_id!r}: extra {name} is not {expected}")
    return extra


def _base_url(connection: Connection, vendor: Vendor) -> str:
    host = (connection.host or "").strip()
    if not host:
        return vendor.base_url
    hint = f"leave the host empty for {vendor.base_url}"
    if "@" in host:  # not quoted: the part before it may be a secret
        raise InvalidArgumentError(f"connection {connection.conn_id!r}: the host contains a user or a secret; {hint}")
    prefix = f"connection {connection.conn_id!r}: host {host!r}"
    try:
        parts = urlsplit(host if "://" in host else f"{connection.schema or 'https'}://{host}")
        if connection.port and parts.port is None:
            parts = urlsplit(parts._replace(netloc=f"{parts.netloc}:{connection.port}").geturl())
        is_valid = bool(parts.hostname) and not re.search(r"\s", host) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_valid = False
    if not is_valid or parts.query or parts.fragment:
        raise InvalidArgumentError(f"{prefix} is not a host; {hint}")
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or "")):
        return parts.geturl().rstrip("/")
    raise InvalidArgumentError(
        f"{prefix} would send the key over {parts.scheme}; use https (http is for loopback alone), or {hint}"
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _number(connection: Connection, name: str, value: Any, default: float, *, between: tuple[float, float]) -> float:
    if value in (None, ""):
        return default
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    minimum, maximum = between
    if not minimum <= number <= maximum:
        raise InvalidArgumentError(
            f"connection {connection.conn_id!r}: extra {name}={value!r} is not a number "
            f"from {minimum:g} to {maximum:,.0f}"
        )
    return number
