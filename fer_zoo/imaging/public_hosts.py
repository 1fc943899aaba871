"""Which addresses are public, for those who fetch what strangers name.

An address is looked at when a connection is made, and that very address is connected to: a name that resolves to
something else a moment later gains nothing.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

#: Addresses of IPv6 that stand for one of IPv4, which is in their last four bytes (RFC 6052).
NAT64: Final = IPv6Network("64:ff9b::/96")

#: Networks of IPv6 that Python may take for public: local translation (RFC 8215; RFC 2765), and IPv4 as it was once
#: written.
LOCAL: Final = (IPv6Network("64:ff9b:1::/48"), IPv6Network("::ffff:0:0:0/96"), IPv6Network("::/96"))


class PrivateHostError(Exception):
    """A host has an address that is not public; its text is that address."""


def is_public(address: str) -> bool:
    """Return whether an address can be reached from anywhere, also the one of IPv4 that one of IPv6 may stand for.

    Args:
        address: numbers, not a name.
    """
    found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        if found.is_site_local or any(found in network for network in LOCAL):
            return False
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if found in NAT64:
            inner = IPv4Address(found.packed[-4:])
        found = inner or found
    return found.is_global and not found.is_multicast


def refuse_private(address: str) -> None:
    """Refuse an address that is not public.

    Args:
        address: numbers, not a name.

    Raises:
        PrivateHostError: if it is not.
    """
    if not is_public(address):
        raise PrivateHostError(address)


__all__ = ["PrivateHostError", "is_public", "refuse_private"]
