# SPDX-License-Identifier: Apache-2.0
"""Which secrets open which door."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Key:
    """One API key.

    :param secret: what a client sends.
    :param scopes: what it may do (Claude contract section 2).
    :param admin: a Console Admin key, refused where an Analytics key is wanted.
    :param revoked: no longer valid.
    """

    secret: str
    scopes: frozenset[str] = frozenset({"read:analytics"})
    admin: bool = False
    revoked: bool = False


class KeyRing:
    """The keys of one organization, changeable while the simulator runs.

    :param keys: the keys to start with.
    """

    def __init__(self, *keys: Key) -> None:
        self._keys = {key.secret: key for key in keys}
        self.enabled = True

    def add(self, key: Key) -> None:
        """Make a key known."""
        self._keys[key.secret] = key

    def revoke(self, secret: str) -> None:
        """Make a known key invalid."""
        self._keys[secret] = replace(self._keys[secret], revoked=True)

    def find(self, secret: str) -> Key | None:
        """The valid key behind a secret."""
        key = self._keys.get(secret)
        return None if key is None or key.revoked else key
