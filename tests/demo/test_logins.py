"""How often a password may be tried."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from demo_server import demo_server

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


def test_try_without_a_password_is_taken_back() -> None:
    """A client has as many tries as before; one without any has nothing to take back."""
    limit = LoginLimit()
    first = [limit.try_again_in("a") for _ in range(MAX_TRIES)]

    limit.take_back("a")
    limit.take_back("b")

    assert first == [0.0] * MAX_TRIES
    assert limit.try_again_in("a") == 0.0
    assert limit.try_again_in("a") > 0.0


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


def log_in(guard: Guard, *, path: str = "/login", method: str = "POST", address: str = "203.0.113.5") -> int:
    """Send a login through a guard and return the status of the answer."""
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"username=a&password=b", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "path": path, "method": method, "headers": [], "client": (address, 1)}
    asyncio.run(guard(scope, receive, send))
    status: int = sent[0]["status"]
    return status


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

    statuses = [
        log_in(guard, path="/login/" if number % 2 else "/login", address=f"2001:db8::{number}")
        for number in range(MAX_TRIES + 2)
    ]

    assert statuses == [400] * MAX_TRIES + [429] * 2
    assert reached == MAX_TRIES


def test_only_passwords_count_as_tries(tmp_path: Path) -> None:
    """Whoever asks for the address of the login, or sends a form without a password, may still log in."""
    with (
        demo_server(tmp_path, "--user", "lab", password="right") as server,  # noqa: S106 - of this test
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        asked = [client.get("/login").status_code for _ in range(MAX_TRIES)]
        empty = [client.post("/login", data={"username": "lab"}).status_code for _ in range(MAX_TRIES)]
        wrong = client.post("/login", data={"username": "lab", "password": "wrong"}).status_code
        right = client.post("/login", data={"username": "lab", "password": "right"}).status_code

    assert asked == [405] * MAX_TRIES
    assert empty == [422] * MAX_TRIES
    assert (wrong, right) == (400, 200)
