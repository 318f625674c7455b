"""An address that a customer names is public to the eye already, or refused with the rule that it breaks."""

from __future__ import annotations

import pytest

from hedgerow_webhooks.domain.errors import UrlNotAllowed
from hedgerow_webhooks.domain.target import MAX_URL, Target, TargetRules

PUBLIC = TargetRules(ports=frozenset({443, 8443}))
LOCAL_TOO = TargetRules(ports=frozenset({443}), local_too=True)


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.org/a?token=b",
        "https://hooks.example.org:8443/",
        "https://xn--bcher-kva.example/",
        "https://1.example.org",
        "HTTPS://Hooks.Example.ORG/",
    ],
)
def test_a_public_name_over_https_is_an_address(url: str) -> None:
    assert Target.parse(url, PUBLIC).url == url


REFUSED = [
    ("http://hooks.example.org/", "https"),
    ("ftp://hooks.example.org/", "https"),
    ("//hooks.example.org/", "https"),
    ("hooks.example.org", "https"),
    ("https://user@hooks.example.org/", "user"),
    ("https://user:password@hooks.example.org/", "user"),
    ("https://@hooks.example.org/", "user"),
    ("https://hooks.example.org/#part", "fragment"),
    ("https://hooks.example.org#@127.0.0.1/", "fragment"),
    ("https://hooks.example.org\\@127.0.0.1/", "user"),
    ("https://hooks.example.org\\.internal/", "fragment or a backslash"),
    ("https://hooks.example.org:22/", "port"),
    ("https://hooks.example.org:x/", "no URL"),
    ("https://hooks.example.org:99999/", "no URL"),
    ("https://[::1", "no URL"),
    ("https:///path", "public name"),
    ("https://localhost/", "public name"),
    ("https://intranet/", "public name"),
    ("https://127.0.0.1/", "public name"),
    ("https://127.1/", "public name"),
    ("https://2130706433/", "public name"),
    ("https://0x7f000001/", "public name"),
    ("https://0x7f.0.0.0x1/", "public name"),
    ("https://[::1]/", "public name"),
    ("https://[::ffff:127.0.0.1]/", "public name"),
    ("https://8.8.8.8/", "public name"),
    ("https://hooks.example.org./", "public name"),
    ("https://-hooks.example.org/", "public name"),
    ("https://hooks..example.org/", "public name"),
    ("https://ho oks.example.org/", "visible ASCII"),
    ("https://hooks.example.org/\r\nx: y", "visible ASCII"),
    ("https://b\u00fccher.example/", "visible ASCII"),
    ("https://hooks.example\u3002org/", "visible ASCII"),
    (f"https://hooks.example.org/{'a' * MAX_URL}", "visible ASCII"),
    ("", "visible ASCII"),
]
OF_THIS_MACHINE = {"https://localhost/", "https://127.0.0.1/"}


@pytest.mark.parametrize(("url", "why"), REFUSED)
def test_anything_else_is_refused_with_the_rule_that_it_breaks(url: str, why: str) -> None:
    with pytest.raises(UrlNotAllowed, match=why):
        Target.parse(url, PUBLIC)


@pytest.mark.parametrize(("url", "why"), [each for each in REFUSED if each[0] not in OF_THIS_MACHINE])
def test_so_it_is_for_a_developer_unless_it_is_this_machine(url: str, why: str) -> None:
    with pytest.raises(UrlNotAllowed, match=why):
        Target.parse(url, LOCAL_TOO)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000/hook", "http://localhost:9000/", "https://localhost/"])
def test_a_developer_may_name_this_machine(url: str) -> None:
    assert Target.parse(url, LOCAL_TOO).url == url
    with pytest.raises(UrlNotAllowed):
        Target.parse(url, PUBLIC)


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/", "http://169.254.169.254/", "http://[::1]:9000/", "file://localhost/"]
)
def test_and_nothing_else_besides(url: str) -> None:
    with pytest.raises(UrlNotAllowed):
        Target.parse(url, LOCAL_TOO)


def test_an_address_is_not_printed() -> None:
    target = Target.parse("https://hooks.example.org/as-good-as-a-password", PUBLIC)
    assert "password" not in f"{target} {target!r}"
