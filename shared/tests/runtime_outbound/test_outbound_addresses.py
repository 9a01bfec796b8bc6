"""Which URLs and addresses may be called."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.runtime.outbound.addresses import Permits, is_public
from baton.runtime.outbound.urls import Forbidden, read_url
from baton.runtime.settings import Settings

INSIDE = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "168.63.129.16",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.0.1",
    "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "fd20:ce::254", "fec0::1", "ff02::1", "2001:db8::1", "100::1",
    "3fff::1", "5f00::1", "2001:2::1",
    # An IPv4 address of a network inside an IPv6 one: mapped, compatible, 6to4, NAT64 (also a local one), Teredo,
    # ISATAP.
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::10.0.0.1", "2002:7f00:1::",
    "2002:a9fe:a9fe::1", "2002:0a00:0001::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808",
    "2001:0:7f00:1::1", "2001:0:808:808:0:0:80ff:fffe", "2600::5efe:7f00:1", "fe80::5efe:808:808",
    "2600::200:5efe:a00:1",
]  # fmt: skip
OUTSIDE = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "2606:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
]


@pytest.mark.parametrize("text", INSIDE)
def test_an_address_inside_a_network_is_not_public_however_it_is_wrapped(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", OUTSIDE)
def test_a_public_address_is_public(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


REFUSED = [
    "", "/path", "crm.example.com", "ftp://crm.example.com/", "file:///etc/passwd", "gopher://crm.example.com/",
    "https://", "https:///path", "https://user:pw@crm.example.com/", "https://crm.example.com@10.0.0.1/",
    "https://crm.example.com\\@10.0.0.1/", "https://crm.example.com/ x", "https://crm.example.com/\n", "https://a\tb/",
    "https://crm.example.com:0x1bb/", "https://crm.example.com:99999/", "https://crm.example.com/#top", "https://crm..com/",
    "https://2130706433/", "https://0x7f000001/", "https://0x7f.1/", "https://0177.0.0.1/", "https://127.1/",
    "https://017700000001/", "https://1.2.3.4.5/", "https://0x/", "https://[::1/", "https://[fe80::1%25eth0]/",
    "https://①②⑦.0.0.1/", "https://mü.example/", "https://-a.example/", "https://a-.example/", "https://a b.example/",
    "https://" + "a" * 64 + ".example/", "https://" + "a." * 130 + "example/", "https://crm.example/" + "x" * 2048,
]  # fmt: skip


@pytest.mark.parametrize("url", REFUSED)
def test_what_is_not_a_plain_url_of_one_unmistakable_host_is_refused(url: str) -> None:
    with pytest.raises(Forbidden):
        read_url(url)


def test_a_url_is_taken_apart() -> None:
    target = read_url("https://CRM.Example.COM.:8443/leads/ä%20b?q=ü&x=1")
    assert (target.scheme, target.host, target.port) == ("https", "crm.example.com", 8443)
    assert target.path == "/leads/%C3%A4%20b?q=%C3%BC&x=1"
    assert read_url("https://[2606:4700::1111]").host == "2606:4700::1111"
    assert read_url("http://crm.example.com").port == 80


@given(st.text(max_size=60))
def test_any_text_is_a_url_or_is_refused(text: str) -> None:
    for url in (text, f"https://{text}/", f"https://crm.example.com/{text}", f"https://crm.example.com?{text}"):
        try:
            target = read_url(url)
        except Forbidden:
            continue
        assert target.path.isascii()
        assert target.host


def allowed(permits: str, url: str, address: str) -> bool:
    """Whether the URL may be called where its host resolves to the address."""
    target = read_url(url)
    try:
        Permits.of(permits).check(target)
        Permits.of(permits).judge(target, ipaddress.ip_address(address))
    except Forbidden:
        return False
    return True


@pytest.mark.parametrize(
    ("permits", "url", "address", "is_allowed"),
    [
        ("", "https://crm.example.com/", "93.184.216.34", True),
        ("", "http://crm.example.com/", "93.184.216.34", False),
        ("", "https://crm.example.com:22/", "93.184.216.34", False),
        ("", "https://crm.example.com:8443/", "93.184.216.34", True),
        ("", "https://crm.example.com/", "10.0.0.1", False),
        ("crm.internal", "https://crm.internal/", "10.0.0.1", True),
        ("crm.internal", "https://crm.internal:9000/", "10.0.0.1", True),
        ("crm.internal:9000", "https://crm.internal/", "10.0.0.1", False),
        ("crm.internal", "http://crm.internal/", "10.0.0.1", False),
        ("http://crm.internal", "http://crm.internal/", "10.0.0.1", True),
        ("http://crm.internal", "https://crm.internal/", "10.0.0.1", True),
        ("crm.internal", "https://evil.crm.internal/", "10.0.0.1", False),
        ("crm.internal", "https://crm.internal/", "169.254.169.254", False),
        ("10.0.0.0/8", "https://anything.example/", "10.9.9.9", True),
        ("10.0.0.0/8", "https://anything.example/", "192.168.0.1", False),
        ("10.0.0.0/8", "https://anything.example/", "::ffff:10.9.9.9", True),
        ("http://10.0.0.0/8", "http://anything.example/", "10.9.9.9", True),
        ("http://10.0.0.0/8", "http://anything.example/", "93.184.216.34", False),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000/", "127.0.0.1", True),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9001/", "127.0.0.1", False),
        ("169.254.169.254", "https://169.254.169.254/", "169.254.169.254", True),
        ("[::1]:9000", "https://[::1]:9000/", "::1", True),
        ("::1", "https://[::1]/", "::1", True),
    ],
)
def test_the_setting_allows_what_it_names_and_no_more(permits: str, url: str, address: str, is_allowed: bool) -> None:
    assert allowed(permits, url, address) is is_allowed


@pytest.mark.parametrize("text", ["crm.internal:x", "crm.internal:0", "10.0.0.0/99", "a/b", ":80", "10.0.0.1/8"])
def test_a_setting_that_cannot_be_read_keeps_baton_from_starting(text: str) -> None:
    with pytest.raises(ValueError, match="is no host, address or range"):
        Settings(outbound_allow=f"crm.internal, {text}")
