"""Which addresses may be called. Pure; judged on what a name resolved to, never on the text of a URL."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from baton.runtime.outbound.urls import Forbidden, Target

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

USUAL_PORTS = frozenset({443, 8443})
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_ISATAP = (0x00005EFE, 0x02005EFE)
# `is_global` differs between versions of Python; these are never somebody's public server in any of them.
_NEVER_PUBLIC: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "240.0.0.0/4",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",
    )
)
# Where clouds keep their machines' credentials. A host that is named in the settings may not lead there either.
_METADATA: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "169.254.0.0/16",
        "fe80::/10",
        "fd00:ec2::254/128",
        "fd20:ce::254/128",
        "100.100.100.200/32",
        "168.63.129.16/32",
    )
)


@dataclass(frozen=True, slots=True)
class Permit:
    """One entry of the setting: a host or a range that may be called though it is not public, or not https."""

    host: str | None
    network: Network | None
    port: int | None
    plain: bool
    """True: also without TLS."""

    def covers(self, target: Target, address: Address) -> bool:
        """True if this entry allows the call."""
        if (target.scheme == "http" and not self.plain) or self.port not in (None, target.port):
            return False
        if self.network is not None:
            return all(one in self.network for one in unwrapped(address))
        return self.host == target.host and not _is_metadata(address)


@dataclass(frozen=True, slots=True)
class Permits:
    """What may be called beyond public hosts by https. Empty: nothing."""

    entries: tuple[Permit, ...] = ()

    @classmethod
    def of(cls, text: str) -> Permits:
        """Read the setting: hosts, addresses and CIDR ranges, separated by commas, each with an optional `:port`.

        `http://` before one allows it without TLS. Raises ValueError, naming the entry.
        """
        return cls(tuple(_permit(entry.strip()) for entry in text.split(",") if entry.strip()))

    def check(self, target: Target) -> None:
        """Refuse what can be refused before a name is resolved. Raises Forbidden."""
        entries = [entry for entry in self.entries if entry.network is not None or entry.host == target.host]
        if target.scheme == "http" and not any(entry.plain for entry in entries):
            raise Forbidden("only https is called")
        if target.port not in USUAL_PORTS and not any(entry.port in (None, target.port) for entry in entries):
            raise Forbidden(f"port {target.port} is not called; the ports are 443 and 8443")

    def judge(self, target: Target, address: Address) -> None:
        """Refuse an address that the target resolved to. Raises Forbidden."""
        if any(entry.covers(target, address) for entry in self.entries):
            return
        if target.scheme == "http":
            raise Forbidden("only https is called")
        if target.port not in USUAL_PORTS:
            raise Forbidden(f"port {target.port} is not called; the ports are 443 and 8443")
        if not is_public(address):
            raise Forbidden(f"{target.host} is inside a network: its address is not public")


def is_public(address: Address) -> bool:
    """True if the address, and every IPv4 address that it carries within, is of the public internet."""
    return all(
        one.is_global
        and not one.is_multicast
        and not any(one in network for network in _NEVER_PUBLIC if network.version == one.version)
        and not _is_metadata(one)
        for one in unwrapped(address)
    )


def unwrapped(address: Address) -> list[Address]:
    """Return what would be reached: instead of an IPv6 address that only carries an IPv4 one, that one.

    Where the IPv6 address counts too (Teredo, ISATAP), both.
    """
    if not isinstance(address, IPv6Address):
        return [address]
    last = IPv4Address(int(address) & 0xFFFFFFFF)
    if address.ipv4_mapped is not None or address in _NAT64 or (address in _COMPATIBLE and int(address) > 0xFFFF):
        return [last]
    if address.sixtofour is not None:
        return [address.sixtofour]
    if address.teredo is not None:
        return [address, *address.teredo]
    if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
        return [address, last]
    return [address]


def _is_metadata(address: Address) -> bool:
    return any(one in network for one in unwrapped(address) for network in _METADATA if network.version == one.version)


def _permit(entry: str) -> Permit:
    plain = entry.startswith("http://")
    text = entry.removeprefix("http://").removeprefix("https://").lower()
    network = _network(text)
    if network is not None:
        return Permit(None, network, None, plain)
    host, colon, port = text.rpartition(":")
    if not colon:
        host, port = text, ""
    network = _network(host.removeprefix("[").removesuffix("]"))
    if (colon and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536)) or not host or "/" in host:
        raise ValueError(
            f"{entry!r} is no host, address or range (such as crm.internal, http://10.1.2.3:8080, 10.0.0.0/8)"
        )
    number = int(port) if port else None
    return Permit(None, network, number, plain) if network else Permit(host.removesuffix("."), None, number, plain)


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
