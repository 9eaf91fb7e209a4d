"""Who may come in, rule by rule."""

from __future__ import annotations

import socket

import pytest

from sqlite_recovery_tui.web.gate import Gate, is_loopback

HOME = Gate("127.0.0.1", "secret")


@pytest.mark.parametrize("given", [None, "", "secre", "secret ", "Secret", "sëcret", "\udcff"])
def test_only_the_token_is_the_token(given: str | None) -> None:
    assert not HOME.knows_token(given)
    assert HOME.knows_token("secret")


def test_every_start_has_another_token_and_says_it_nowhere() -> None:
    first, second = Gate("localhost"), Gate("localhost")
    assert first.token != second.token
    assert len(first.token) > 40
    assert first.token not in repr(first)


@pytest.mark.parametrize(
    "header", ["127.0.0.1:8377", "localhost:9000", "LocalHost", "[::1]:80", "localhost."]
)
def test_names_of_the_loopback_are_known_on_any_port(header: str) -> None:
    assert HOME.knows_host(header)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8377",
        "192.0.2.7",
        "[::1",
        ":80",
    ],
)
def test_other_names_are_not(header: str | None) -> None:
    assert not HOME.knows_host(header)


def test_a_machine_that_others_reach_goes_by_addresses_and_its_own_name() -> None:
    open_to_all = Gate("0.0.0.0", "secret")
    assert open_to_all.knows_host("192.0.2.7:8377")
    assert open_to_all.knows_host("[2001:db8::7]:8377")
    assert open_to_all.knows_host(f"{socket.gethostname()}:8377")
    assert not open_to_all.knows_host("evil.example:8377")


@pytest.mark.parametrize(
    "origin", [None, "", "null", "http://evil.example", "http://localhost", "file://localhost:8377"]
)
def test_pages_of_others_are_told_from_ours(origin: str | None) -> None:
    assert not HOME.knows_origin(origin, "localhost:8377")
    assert HOME.knows_origin("http://localhost:8377", "localhost:8377")


@pytest.mark.parametrize(
    ("host", "only_here"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("db1", False),
    ],
)
def test_what_only_this_machine_can_reach(host: str, only_here: bool) -> None:
    assert is_loopback(host) is only_here
