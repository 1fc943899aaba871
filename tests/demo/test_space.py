"""The folder that deploys the page as a Space."""

from __future__ import annotations

import signal
import socket
import tomllib
from pathlib import Path

import httpx
import yaml
from forked import forked, run_script
from packaging.requirements import Requirement

SPACE = Path(__file__).parents[2] / "examples" / "space"


def test_metadata_names_what_is_there() -> None:
    """The file to run exists, the SDK is a version that the extra accepts, and the licence is ours."""
    metadata = yaml.safe_load((SPACE / "README.md").read_text(encoding="utf-8").split("---")[1])

    project = tomllib.loads((SPACE.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extra = map(Requirement, project["optional-dependencies"]["demo"])
    (gradio,) = (requirement for requirement in extra if requirement.name == "gradio")
    assert gradio.specifier.contains(metadata["sdk_version"])
    assert metadata["sdk"] == "gradio"
    assert (SPACE / metadata["app_file"]).is_file()
    assert metadata["license"] == "apache-2.0"
    assert len(metadata["short_description"]) <= 60


def test_space_serves_the_page(tmp_path: Path) -> None:
    """The application starts as a Space starts it, and answers at the port that it was given."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {"GRADIO_SERVER_PORT": str(port), "TMPDIR": str(tmp_path)}
    with forked(run_script, SPACE / "app.py", folder=tmp_path, environment=environment) as process:
        assert next(process.lines()) == f"http://127.0.0.1:{port}\n"
        assert "fer-zoo" in httpx.get(f"http://127.0.0.1:{port}/", timeout=60).text
        process.send_signal(signal.SIGTERM)
        process.wait()
    assert not list(tmp_path.glob("fer_zoo_demo_*"))
