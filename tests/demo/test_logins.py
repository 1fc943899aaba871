"""How often a password may be tried."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest

from fer_zoo.demo.guard import Guard
from fer_zoo.demo.logins import MAX_CLIENTS, MAX_TRIES, WINDOW_SECONDS, LoginLimit, client_of


def test_tries_are_limited_until_time_has_passed() -> None:
    """After ten tries a client waits until the first is five minutes old; another client does not."""
    now = [0.0]
    limit = LoginLimit(lambda: now[0])

    first = [limit.try_again_in("a") for _ in range(MAX_TRIES)]
    now[0] = 100.0

    assert first == [0.0] * MAX_TRIES
    assert limit.try_again_in("a") == WINDOW_SECONDS - 100.0
    assert limit.try_again_in("b") == 0.0
    now[0] = WINDOW_SECONDS
    assert limit.try_again_in("a") == 0.0


def test_right_password_forgets_the_wrong_ones() -> None:
    """Who logs in may mistype again."""
    limit = LoginLimit()
    for _ in range(MAX_TRIES):
        limit.try_again_in("a")

    limit.succeeded("a")

    assert limit.try_again_in("a") == 0.0


def test_memory_of_clients_is_bounded() -> None:
    """However many addresses try, only the last ones are remembered."""
    limit = LoginLimit()

    for number in range(MAX_CLIENTS + 5):
        limit.try_again_in(str(number))

    assert len(limit._tries) == MAX_CLIENTS


@pytest.mark.parametrize(
    ("address", "client"),
    [
        *(("203.0.113.5", "203.0.113.5"), ("::ffff:203.0.113.5", "203.0.113.5"), ("unknown", "unknown")),
        *(("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("2001:db8:1:2::7", "2001:db8:1:2::/64")),
        *(("2001:db8:1:3::7", "2001:db8:1:3::/64"), ("fe80::1%eth0", "fe80::/64")),
    ],
)
def test_client_is_an_address_or_a_network(address: str, client: str) -> None:
    """Who has one address of IPv6 has all of its network, and could try from each."""
    assert client_of(address) == client


def test_guard_refuses_the_eleventh_login(tmp_path: Path) -> None:
    """Wrong logins reach the page ten times, and then the answer is 429, even for the right password."""
    reached = 0

    async def page(scope: Any, receive: Any, send: Any) -> None:
        nonlocal reached
        del scope, receive
        reached += 1
        await send({"type": "http.response.start", "status": 400, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    guard = Guard(page, tmp_path, 1000)

    async def log_in(path: str, address: str) -> int:
        sent: list[MutableMapping[str, Any]] = []

        async def receive() -> MutableMapping[str, Any]:
            return {"type": "http.request", "body": b"username=a&password=b", "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        await guard({"type": "http", "path": path, "headers": [], "client": (address, 1)}, receive, send)
        status: int = sent[0]["status"]
        return status

    statuses = [
        asyncio.run(log_in("/login/" if number % 2 else "/login", f"2001:db8::{number}"))
        for number in range(MAX_TRIES + 2)
    ]

    assert statuses == [400] * MAX_TRIES + [429] * 2
    assert reached == MAX_TRIES
