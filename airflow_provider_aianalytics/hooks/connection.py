# SPDX-License-Identifier: Apache-2.0
"""What a connection says, read once and checked: the same for the hook and for the triggers."""

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
"""How many times as long as without a byte an answer may take from first to last, however slowly it drips."""

EXTRAS: dict[str, tuple[Any, str]] = {
    "pseudonym_secret": (str | None, "a text"),
    "proxies": (dict | None, "an object of proxies by scheme"),
    "proxy": (dict | None, "an object of proxies by scheme"),
    "verify": (bool | str | None, "true, false or the path of a CA bundle"),
    "verify_ssl": (bool | str | None, "true, false or the path of a CA bundle"),
    "cert": (str | list | None, "the path of a certificate or a list of two"),
    "trust_env": (bool | None, "true or false"),
}
"""The extras that are no numbers: their types, and how they are called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where the API is and how it is entered.

    :param base_url: scheme, host and port, without a slash at the end.
    :param key: the key; never shown.
    :param pseudonym_secret: the key of pseudonyms, empty where there is none; never shown.
    :param read_timeout: seconds without a byte before a request is given up.
    :param requests_per_minute: the budget this connection may use.
    """

    base_url: str
    key: str = field(repr=False)
    pseudonym_secret: str = field(repr=False, default="")
    read_timeout: float
    requests_per_minute: int

    @property
    def timeouts(self) -> tuple[float, float]:
        """Seconds to connect and seconds without a byte."""
        return min(CONNECT_TIMEOUT, self.read_timeout), self.read_timeout

    @property
    def response_deadline(self) -> float:
        """Seconds from the first byte of an answer to its last."""
        return RESPONSE_DEADLINE_FACTOR * self.read_timeout


def read_connection(connection: Connection, vendor: Vendor) -> Endpoint:
    """Read a connection.

    :raises AuthenticationError: when it holds no key.
    :raises InvalidArgumentError: when its host or one of its extras cannot be used.
    """
    key = (connection.password or "").strip()
    if not key:
        raise AuthenticationError(
            f"connection {connection.conn_id!r} has no password", where=vendor.name, hint=vendor.key_help
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        raise AuthenticationError(
            f"the password of connection {connection.conn_id!r} holds characters that no key has (a line break, a "
            "space or a letter beyond ASCII); it may have been pasted wrongly",
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
    """The connection's extra; Airflow would take what is no JSON for an empty one."""
    try:
        extra = json.loads(connection.extra or "{}")
    except ValueError:
        extra = None
    if not isinstance(extra, dict):  # not repeated: it may hold a secret
        raise InvalidArgumentError(
            f'connection {connection.conn_id!r}: its extra is not a JSON object, such as {{"requests_per_minute": 30}}'
        )
    for name, (kinds, wanted) in EXTRAS.items():
        if not isinstance(extra.get(name), kinds):  # not repeated either: a proxy's address may hold a password
            raise InvalidArgumentError(f"connection {connection.conn_id!r}: extra {name} is not {wanted}")
    return extra


def _base_url(connection: Connection, vendor: Vendor) -> str:
    host = (connection.host or "").strip()
    if not host:
        return vendor.base_url
    hint = f"leave the host empty for {vendor.base_url}"
    if "@" in host:  # not repeated: what stands before it may be a secret
        raise InvalidArgumentError(f"connection {connection.conn_id!r}: the host holds a user or a secret; {hint}")
    said = f"connection {connection.conn_id!r}: host {host!r}"
    try:
        parts = urlsplit(host if "://" in host else f"{connection.schema or 'https'}://{host}")
        if connection.port and parts.port is None:
            parts = urlsplit(parts._replace(netloc=f"{parts.netloc}:{connection.port}").geturl())
        known = bool(parts.hostname) and not re.search(r"\s", host) and (parts.port is None or parts.port > 0)
    except ValueError:
        known = False
    if not known or parts.query or parts.fragment:
        raise InvalidArgumentError(f"{said} is not a host; {hint}")
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or "")):
        return parts.geturl().rstrip("/")
    raise InvalidArgumentError(
        f"{said} would send the key over {parts.scheme}; use https (http is for loopback alone), or {hint}"
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
    least, most = between
    if not least <= number <= most:
        raise InvalidArgumentError(
            f"connection {connection.conn_id!r}: extra {name}={value!r} is not a number from {least:g} to {most:,.0f}"
        )
    return number
