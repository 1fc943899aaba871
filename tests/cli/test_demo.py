"""``fer-zoo demo``: what it refuses and warns of; ``tests/demo`` has the page itself."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from fer_zoo.cli.demo import PASSWORD_VARIABLE

Run = Callable[..., Result]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--model", "mahn"), "Unknown model 'mahn'. Did you mean 'mhan'?"),
        (("--model", "mhan", "--model", "fer_zoo/mhan"), "Invalid value ['mhan', 'mhan'] for models"),
        (("--model", "mfn"), "There are no weights 'mfn'."),
        (("--detector", "mtcnn"), "Unknown detector 'mtcnn'."),
        (("--host", "192.0.2.1", "--port", "0"), "expected an address of this machine"),
        (("--host", "a" * 70 + ".com", "--port", "0"), "expected an address of this machine"),
        (("--max-megabytes", "inf"), "Invalid value inf for --max-megabytes: expected a finite number"),
        (("--max-megapixels", "inf"), "Invalid value inf for --max-megapixels: expected a finite number"),
    ],
)
def test_wrong_usage_exits_with_2(run: Run, arguments: tuple[str, ...], message: str) -> None:
    """It ends before anything is served, with the reason on stderr."""
    result = run("demo", *arguments)

    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_taken_port_exits_with_2(run: Run) -> None:
    """The message names the address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        result = run("demo", "--port", port)

    assert result.exit_code == 2
    assert f"'127.0.0.1:{port}' for host and port" in result.stderr


def test_other_addresses_than_loopback_are_warned_of(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The warning says who can come in, or with a login what can be overheard, and never the password."""
    open_to_all = run("demo", "--host", "192.0.2.1")
    monkeypatch.setenv(PASSWORD_VARIABLE, "a long secret")
    with_login = run("demo", "--host", "192.0.2.1", "--user", "lab")

    assert "warning: listening at 192.0.2.1: everyone who can reach this machine can use the page" in open_to_all.stderr
    assert "pictures and the password travel unencrypted" in with_login.stderr
    assert "a long secret" not in with_login.output


def test_password_without_a_name_exits_with_2(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sets one does not want a page that is open to all."""
    monkeypatch.setenv(PASSWORD_VARIABLE, "a long secret")

    result = run("demo", "--port", "0")

    assert result.exit_code == 2
    assert f"--user: expected a name for the login, as {PASSWORD_VARIABLE} is set" in result.stderr
    assert "a long secret" not in result.output


def test_empty_password_exits_with_2(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable without a value is no password."""
    monkeypatch.setenv(PASSWORD_VARIABLE, "")

    result = run("demo", "--user", "lab", "--port", "0")

    assert result.exit_code == 2
    assert "a user name and a password, both not empty" in result.stderr


def test_ended_question_for_the_password_is_no_error(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where stdin ends, or Ctrl-C is pressed, typer says so and the exit status is 1."""
    monkeypatch.delenv(PASSWORD_VARIABLE, raising=False)

    result = run("demo", "--user", "lab", "--port", "0")

    assert result.exit_code == 1
    assert "Password for visitors" in result.stderr
    assert "Aborted" in result.stderr
    assert "error:" not in result.stderr


def test_folders_are_offered_by_their_own_name(tmp_path: Path) -> None:
    """Visitors do not see where a model lies."""
    from fer_zoo.demo.analyzer import shown_name

    (tmp_path / "ours").mkdir()

    assert shown_name(tmp_path / "ours") == "ours"
    assert shown_name("fer_zoo/mhan") == "mhan"
