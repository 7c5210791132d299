# SPDX-License-Identifier: Apache-2.0
"""The API keys of an organization."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Key:
    """One API key.

    :param secret: what a client sends.
    :param scopes: what the key may do (contract section 2).
    :param admin: whether it is a Console Admin key, which is rejected where an Analytics key is required.
    :param revoked: whether it is no longer valid.
    """

    secret: str
    scopes: frozenset[str] = frozenset({"read:analytics"})
    admin: bool = False
    revoked: bool = False


class KeyRing:
    """The keys of one organization; they can change while the simulator runs.

    :param keys: the first keys.
    """

    def __init__(self, *keys: Key) -> None:
        self._keys = {key.secret: key for key in keys}
        self.enabled = True

    def add(self, key: Key) -> None:
        """Add a key."""
        self._keys[key.secret] = key

    def revoke(self, secret: str) -> None:
        """Revoke a key."""
        self._keys[secret] = replace(self._keys[secret], revoked=True)

    def find(self, secret: str) -> Key | None:
        """The valid key with this secret, if there is one."""
        key = self._keys.get(secret)
        return None if key is None or key.revoked else key
