# SPDX-License-Identifier: Apache-2.0
"""The interface that the generic part of the simulator calls; each vendor implements it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, ClassVar

from .http import Request, Response, RetryAfter


class SimulatedVendor(ABC):
    """One vendor, with the made-up organization that a seed generates.

    :param seed: generates the organization and all of its activity.
    :param members: how many people ever had a seat.
    :param settings: the behaviour that the contract leaves open, an instance of :attr:`settings_class`.
    :ivar keys: the API keys by name; ``key`` is the valid one. :class:`Simulator` has each as the attribute
        ``{alias}_{name}``.
    :ivar shrunk_days: for days that a fault makes smaller, the share of the activity that remains.
    """

    name: ClassVar[str]
    alias: ClassVar[str]
    """The short name in attributes and settings of :class:`Simulator`."""
    settings_class: ClassVar[type[Any]]
    logged_headers: ClassVar[tuple[str, ...]] = ()
    """Request headers for the log; never one that carries a key."""

    def __init__(self, seed: int, members: int, settings: Any) -> None:
        self.seed = seed
        self.members = members
        self.settings = settings
        self.keys: dict[str, str] = {}
        self.shrunk_days: dict[date, float] = {}

    @property
    def retry_after(self) -> RetryAfter:
        """The format of a 429's ``Retry-After``."""
        form: RetryAfter = self.settings.retry_after
        return form

    @abstractmethod
    def serves(self, path: str) -> bool:
        """Whether this vendor serves the path; its prefix decides."""

    @abstractmethod
    def respond(self, request: Request) -> Response:
        """Respond to a request: check the key, then the parameters, then serve the page. Requests change no state."""

    @abstractmethod
    def error(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
        """An error in the vendor's envelope."""

    @abstractmethod
    def truth(self, path: str, query: Sequence[tuple[str, str]], now: datetime, **options: Any) -> list[bytes]:
        """The exact bytes of every item of a query, from all of its pages.

        :raises ValueError: if the vendor would reject the query.
        """

    @abstractmethod
    def replace_key(self, secret: str) -> str:
        """Revoke the valid key and create another one.

        :param secret: random letters for the new key.
        :return: the new key.
        """

    @abstractmethod
    def set_enabled(self, enabled: bool) -> None:
        """Enable or disable the API for the organization."""

    @classmethod
    def add_arguments(cls, parser: ArgumentParser) -> None:
        """Add the vendor's own options to the command line; none by default."""
        return

    @classmethod
    def settings_from(cls, options: Namespace) -> Any:
        """The vendor's settings from the command line."""
        return cls.settings_class()
