# SPDX-License-Identifier: Apache-2.0
"""What a connection says, read once and checked: the same for the hook and for the triggers."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow_provider_aianalytics.exceptions import AuthenticationError, InvalidArgumentError
from airflow_provider_aianalytics.vendors.dataset import Vendor

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where the API is and how it is entered.

    :param base_url: scheme, host and port, without a slash at the end.
    :param key: the key; never shown.
    :param read_timeout: seconds without a byte before a request is given up.
    :param requests_per_minute: the budget this connection may use.
    """

    base_url: str
    key: str = field(repr=False)
    read_timeout: float
    requests_per_minute: int

    @property
    def timeouts(self) -> tuple[float, float]:
        """Seconds to connect and seconds without a byte."""
        return min(CONNECT_TIMEOUT, self.read_timeout), self.read_timeout


def endpoint_of(connection: Connection, vendor: Vendor) -> Endpoint:
    """Read a connection.

    :raises AuthenticationError: when it holds no key.
    :raises InvalidArgumentError: when its host or one of its extras cannot be used.
    """
    key = (connection.password or "").strip()
    if not key:
        raise AuthenticationError(
            f"connection {connection.conn_id!r} has no password", where=vendor.name, way_out=vendor.key_help
        )
    return Endpoint(
        base_url=_base_url(connection, vendor),
        key=key,
        read_timeout=_positive(connection, "timeout", READ_TIMEOUT),
        requests_per_minute=int(_positive(connection, "requests_per_minute", vendor.requests_per_minute)),
    )


def _base_url(connection: Connection, vendor: Vendor) -> str:
    host = (connection.host or "").strip().rstrip("/")
    if not host:
        return vendor.base_url
    url = host if "://" in host else f"{connection.schema or 'https'}://{host}"
    parts = urlsplit(url)
    if connection.port and parts.port is None:
        url = parts._replace(netloc=f"{parts.netloc}:{connection.port}").geturl()
    said = f"connection {connection.conn_id!r}: host {host!r}"
    if parts.username or parts.query or parts.fragment or not parts.hostname:
        raise InvalidArgumentError(f"{said} is not a host; leave it empty for {vendor.base_url}")
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname)):
        return url
    raise InvalidArgumentError(
        f"{said} would send the key over {parts.scheme}; use https (http is for loopback alone), or leave the host "
        f"empty for {vendor.base_url}"
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _positive(connection: Connection, name: str, default: float) -> float:
    value = connection.extra_dejson.get(name)
    if value in (None, ""):
        return default
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = 0.0
    if not number > 0:
        raise InvalidArgumentError(
            f"connection {connection.conn_id!r}: extra {name}={value!r} is not a number above zero"
        )
    return number
