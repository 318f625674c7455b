"""What an e-mail address is, and when two are one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow_users.domain.account_errors import InvalidEmail
from hedgerow_users.domain.email import Email

LABELS = st.from_regex(r"[A-Za-z0-9]{1,20}", fullmatch=True)


@pytest.mark.parametrize("text", ["a@b.co", "Ada.Lovelace+x@mail.Example.ORG", "o'neil@x-y.example", "1@2.34"])
def test_an_address_keeps_the_form_it_was_written_in(text: str) -> None:
    assert str(Email.written(f"  {text}\n")) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "ada@",
        "@example.org",
        "ada@localhost",
        "ada@@example.org",
        "ada@exa mple.org",
        "ada@-example.org",
        "ada@example-.org",
        "ada@example..org",
        ".ada@example.org",
        "ada.@example.org",
        "a..b@example.org",
        "ada@example.org\nBcc: eve@example.org",
        "ada\x00@example.org",
        "ädä@example.org",
        "a" * 65 + "@example.org",
        "a@" + "b" * 64 + ".org",
        "a@" + ".".join(["b" * 60] * 5),
    ],
)
def test_what_mail_could_not_reach_is_refused(text: str) -> None:
    with pytest.raises(InvalidEmail):
        Email.written(text)


@given(local=LABELS, domain=LABELS)
def test_letter_case_does_not_tell_two_addresses_apart(local: str, domain: str) -> None:
    lower, upper = (Email.written(change(f"{local}@{domain}.org")) for change in (str.lower, str.upper))
    assert lower == upper
    assert len({lower, upper}) == 1


@given(st.text(max_size=300))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        email = Email.written(text)
    except InvalidEmail:
        return
    assert email.address.count("@") == 1
    assert len(email.address) <= 254
