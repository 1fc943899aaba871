"""``fer-zoo models``: the table and the licences."""

from typer.testing import CliRunner

from fer_zoo.cli import app
from fer_zoo.registry import list_embedded_models, list_models


def output(*arguments: str) -> str:
    """Return what the command prints on a wide terminal."""
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "400"})
    assert result.exit_code == 0, result.output
    return result.output


def test_models_without_a_subcommand_lists_every_model() -> None:
    """The bare command prints a line for each model, with its number of parameters."""
    table = output("models")

    for entry in list_models():
        assert f" {entry.name} " in table
        assert f"{entry.num_parameters:,}" in table


def test_licences_lists_every_part_with_its_terms() -> None:
    """The option prints code, weights, training data and detector, each with its terms and where they come from."""
    table = output("models", "--licences")

    for part, terms, source in [
        ("code", "Apache-2.0", "the fer-zoo project"),
        ("weights", "Apache-2.0", "trained by the fer-zoo project"),
        ("FER2013 pictures", "no licence, research use", "ICONIP 2013"),
        ("FER+ labels", "MIT", "https://github.com/microsoft/FERPlus"),
        ("face detector CenterFace", "MIT", "https://github.com/Star-Clouds/CenterFace"),
    ]:
        lines = [line for line in table.splitlines() if f" {part} " in line]
        assert len(lines) == len(list_embedded_models())
        assert all(f" {terms} " in line and source in line for line in lines)


def test_licences_keeps_addresses_whole() -> None:
    """No address is shortened in a terminal of the usual width."""
    result = CliRunner().invoke(app, ["models", "--licences"], env={"COLUMNS": "80"})

    assert "…" not in result.output
