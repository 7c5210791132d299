# SPDX-License-Identifier: Apache-2.0
"""What the generic part of the simulator knows of a vendor."""

from __future__ import annotations

from abc import ABC, abstractmethod
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, ClassVar

from .http import Request, Response, RetryAfter


class SimulatedVendor(ABC):
    """One vendor over the made-up organization of a seed.

    :param seed: decides everything the organization did.
    :param members: how many people ever held a seat.
    :param settings: how the vendor answers what its contract leaves open; its class is :attr:`settings_class`.
    :ivar keys: the API keys by name; ``key`` is the one that works. :class:`Simulator` shows each as an attribute,
        ``{alias}_{name}``.
    :ivar shrunk_days: the share that is left of a day; changed by faults.
    """

    name: ClassVar[str]
    alias: ClassVar[str]
    """The short name in attributes and settings of :class:`Simulator`."""
    settings_class: ClassVar[type[Any]]
    logged_headers: ClassVar[tuple[str, ...]] = ()
    """Request headers that the log keeps; never one that carries a key."""

    def __init__(self, seed: int, members: int, settings: Any) -> None:
        self.seed = seed
        self.members = members
        self.settings = settings
        self.keys: dict[str, str] = {}
        self.shrunk_days: dict[date, float] = {}

    @property
    def retry_after(self) -> RetryAfter:
        """How a 429 says when to come back."""
        form: RetryAfter = self.settings.retry_after
        return form

    @abstractmethod
    def answers(self, path: str) -> bool:
        """Whether this vendor serves the path; its prefix decides."""

    @abstractmethod
    def answer(self, request: Request) -> Response:
        """The answer to a request within the rate limit: checks the key, then the parameters. It changes nothing."""

    @abstractmethod
    def error(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
        """An error in the vendor's envelope."""

    @abstractmethod
    def truth(self, path: str, query: Sequence[tuple[str, str]], now: datetime, **options: Any) -> list[bytes]:
        """The exact bytes of every item of a complete query, all pages joined.

        :raises ValueError: if the vendor would refuse the query.
        """

    @abstractmethod
    def replace_key(self, secret: str) -> str:
        """Revoke the working key and hand out another one.

        :param secret: random letters for the new key.
        """

    @abstractmethod
    def set_enabled(self, enabled: bool) -> None:
        """Turn the organization's switch for the API."""

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Add the vendor's own options to the command line; none by default."""
        return

    @classmethod
    def settings_from(cls, options: Namespace) -> Any:
        """The vendor's settings from the command line."""
        return cls.settings_class()
