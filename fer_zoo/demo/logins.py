"""How often a password may be tried."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Final

MAX_TRIES: Final = 10
WINDOW_SECONDS: Final = 300.0
NETWORK_BITS: Final = 64  # of an address of IPv6 that are its network's: one visitor has all the others
MAX_CLIENTS: Final = 10_000  # that are remembered; the one that was longest away is forgotten first


class LoginLimit:
    """Counts the wrong logins of each client, and says whether it may try again.

    A try counts from its beginning, so that many at once are no way around, and until one succeeds or it turns out that
    no password was tried.

    Args:
        clock: gives the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()

    def try_again_in(self, client: str) -> float:
        """Note a try of a client, and return 0; or return how many seconds it has to wait, and note nothing.

        Args:
            client: its address.
        """
        now = self._clock()
        tries = self._tries.setdefault(client, deque())
        self._tries.move_to_end(client)
        while len(self._tries) > MAX_CLIENTS:
            self._tries.popitem(last=False)
        while tries and now - tries[0] >= WINDOW_SECONDS:
            tries.popleft()
        if len(tries) >= MAX_TRIES:
            return tries[0] + WINDOW_SECONDS - now
        tries.append(now)
        return 0.0

    def succeeded(self, client: str) -> None:
        """Forget the tries of a client that knows the password.

        Args:
            client: its address.
        """
        self._tries.pop(client, None)

    def take_back(self, client: str) -> None:
        """Forget the last try of a client, which gave no password.

        Args:
            client: its address.
        """
        tries = self._tries.get(client)
        if tries:
            tries.pop()


def client_of(address: str) -> str:
    """Return who has an address: of IPv6 the network that it is in, else the address itself.

    Args:
        address: numbers, or any other name.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    shift = found.max_prefixlen - NETWORK_BITS
    return f"{IPv6Address(int(found) >> shift << shift)}/{NETWORK_BITS}"


__all__ = ["MAX_TRIES", "WINDOW_SECONDS", "LoginLimit", "client_of"]
