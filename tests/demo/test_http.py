"""The page's HTTP API as it is documented, and what it refuses."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from demo_server import DemoServer, demo_server
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from numpy.typing import NDArray
from PIL import Image

from fer_zoo import FaceExpressionPipeline
from fer_zoo.demo.logins import MAX_TRIES

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "demo.md"
Write = Callable[[str, NDArray[np.uint8]], str]


@pytest.fixture
def client(server: DemoServer) -> Iterator[httpx.Client]:
    """Return an HTTP client at the server."""
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


@pytest.fixture
def smile(write_picture: Write, astronaut: NDArray[np.uint8]) -> str:
    """Return the path of a picture with one smiling face."""
    return write_picture("photo.jpg", astronaut)


def documented(language: str, server: DemoServer, photo: str) -> str:
    """Return the example of the documentation in a language, with the address of a server and the path of a picture."""
    (example,) = (
        block
        for block in re.findall(rf"```{language}\n(.*?)```", DOCUMENTATION.read_text(encoding="utf-8"), re.DOTALL)
        if "/predict" in block
    )
    filled: str = example.replace("http://127.0.0.1:7860", server.url).replace("photo.jpg", photo)
    return filled


def upload(client: httpx.Client, name: str, content: bytes) -> str:
    """Upload a file and return its path on the server."""
    answer = client.post("/gradio_api/upload", files={"files": (name, content)})
    assert answer.status_code == 200
    path: str = answer.json()[0]
    return path


def call(client: httpx.Client, *inputs: object) -> tuple[str, Any]:
    """Call the endpoint and return the kind of the last event, and its data."""
    answer = client.post("/gradio_api/call/predict", json={"data": inputs})
    assert answer.status_code == 200
    events = client.get(f"/gradio_api/call/predict/{answer.json()['event_id']}").text
    kind, data = re.findall(r"event: (.*)\ndata: (.*)", events)[-1]
    return kind, json.loads(data)


def file_at(path: str) -> dict[str, Any]:
    """Return a file as an input of the endpoint."""
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def test_python_example_prints_the_expression(
    server: DemoServer, smile: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The example of the documentation runs as it stands there."""
    exec(documented("python", server, smile), {})  # noqa: S102 - our own documentation

    printed = capsys.readouterr().out
    assert printed.startswith("happiness 1.0 ")
    assert printed.count("\n") == 1


def test_curl_example_prints_the_answer(server: DemoServer, smile: str) -> None:
    """The example of the documentation runs as it stands there."""
    printed = subprocess.run(
        ["bash", "-c", documented("shell", server, smile)], capture_output=True, text=True, check=True
    ).stdout

    assert printed.startswith("event: complete\ndata: ")
    (answer,) = json.loads(printed.split("data: ")[1])
    assert answer["image"] == "photo.jpg"
    assert answer["faces"][0]["label"] == "happiness"
    assert len(answer["faces"][0]["scores"]) == 3


def test_answer_is_that_of_the_command_line(
    server: DemoServer, smile: str, embedded_pipeline: FaceExpressionPipeline
) -> None:
    """All fields are those of ``fer-zoo predict --json``, with the file's name instead of its path on the server."""
    expected = {**embedded_pipeline.analyze(smile).to_dict(), "image": "photo.jpg"}

    answer = Client(server.url, verbose=False).predict(handle_file(smile), api_name="/predict")

    assert answer.keys() == expected.keys()
    assert {key: answer[key] for key in ("image", "width", "height", "error")} == {
        "image": "photo.jpg",
        "width": 512,
        "height": 512,
        "error": None,
    }
    (face,), (expected_face,) = answer["faces"], expected["faces"]
    assert face["box"] == pytest.approx(expected_face["box"], abs=0.01)
    assert face["scores"][0]["label"] == "happiness"
    assert face["score"] == pytest.approx(expected_face["score"], abs=1e-4)
    assert face["landmarks"] == [pytest.approx(point, abs=0.01) for point in expected_face["landmarks"]]


def test_only_the_documented_endpoint_is_public(client: httpx.Client) -> None:
    """The page's own events are not part of the API."""
    named = client.get("/gradio_api/info").json()["named_endpoints"]

    assert list(named) == ["/predict"]
    assert [parameter["parameter_name"] for parameter in named["/predict"]["parameters"]] == [
        "picture",
        "model",
        "detector",
        "top_k",
    ]


def test_broken_upload_gives_its_reason(client: httpx.Client) -> None:
    """A file that is no picture is a result with an error, by the name it was uploaded under."""
    path = upload(client, "notes.png", b"no picture at all")

    kind, (answer,) = call(client, file_at(path), "mhan", "center_face", None)

    assert kind == "complete"
    assert answer["faces"] == []
    assert answer["error"].startswith("Cannot read image 'notes.png': it is not an image of a known format")


def test_path_that_no_file_can_have_is_no_input(client: httpx.Client) -> None:
    """A name has at most 255 bytes, also in the folder of uploads; Gradio would fail at it."""
    folder = Path(upload(client, "a.png", b"a")).parent
    data = {"data": [file_at(str(folder / ("x" * 300))), "mhan", "center_face", None]}

    answer = client.post("/gradio_api/call/predict", json=data)

    assert answer.status_code == 400
    assert answer.json() == {"detail": "Only uploaded files are accepted as inputs."}


def test_decompression_bomb_is_refused_by_its_header(client: httpx.Client) -> None:
    """A small file of 16 million pixels is above the limit of this server, 4 million."""
    file = BytesIO()
    Image.new("1", (4000, 4000)).save(file, "PNG")
    assert len(file.getvalue()) < 10_000

    _, (answer,) = call(client, file_at(upload(client, "bomb.png", file.getvalue())), "mhan", "center_face", None)

    assert answer["error"] == (
        "Cannot read image 'bomb.png': it has 4000 x 4000 pixels, above the limit of 4000000; make it smaller."
    )


def test_wrong_options_are_refused(server: DemoServer, smile: str) -> None:
    """The message says what there is."""
    client = Client(server.url, verbose=False)

    with pytest.raises(AppError, match=r"Unknown model 'mahn'\. Did you mean 'mhan'"):
        client.predict(handle_file(smile), model="mahn", api_name="/predict")
    with pytest.raises(AppError, match=r"Unknown detector '\.\./scrfd'"):
        client.predict(handle_file(smile), detector="../scrfd", api_name="/predict")
    with pytest.raises(AppError, match="Invalid value 0 for top_k"):
        client.predict(handle_file(smile), top_k=0, api_name="/predict")


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../../../../etc/passwd",
        "%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "file:///etc/passwd",
        "http://127.0.0.1:1/",
        "HTTP://127.0.0.1:1/",
        str(DOCUMENTATION),
    ],
)
def test_files_outside_the_folder_cannot_be_fetched(client: httpx.Client, path: str) -> None:
    """Neither a file of the machine nor a URL is given out."""
    answer = client.get(f"/gradio_api/file={path}")

    assert answer.status_code in {403, 404}
    assert "root:" not in answer.text


@pytest.mark.parametrize("path", ["/etc/passwd", str(DOCUMENTATION), "../../etc/passwd", "", "a\0b"])
def test_files_outside_the_folder_cannot_be_inputs(client: httpx.Client, path: str) -> None:
    """The API only takes what was uploaded, and does not say whether a file exists; nor does the page's own route."""
    data = {"data": [file_at(path), "mhan", "center_face", None], "fn_index": 0, "session_hash": "x"}

    for route in ("call/predict", "call/v2/predict", "queue/join", "run/predict"):
        answer = client.post(f"/gradio_api/{route}", json=data)
        assert answer.status_code == 400
        assert answer.json() == {"detail": "Only uploaded files are accepted as inputs."}


def test_upload_folder_is_not_left_by_dots_or_links(client: httpx.Client) -> None:
    """A path that begins in the folder must also end there."""
    upload_path = Path(upload(client, "a.png", b"a"))
    link = upload_path.parent / "link.png"
    link.symlink_to(DOCUMENTATION)

    for path in (upload_path.parent / ".." / ".." / ".." / "stderr.txt", link):
        data = {"data": [file_at(str(path)), "mhan", "center_face", None]}
        assert client.post("/gradio_api/call/predict", json=data).status_code == 400


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/a.png", " HTTPS://example.org/a.png", "file:///etc/passwd"])
def test_urls_are_no_inputs(client: httpx.Client, url: str) -> None:
    """A request that names a URL ends before anything could be fetched."""
    answer = client.post("/gradio_api/call/predict", json={"data": [file_at(url), "mhan", "center_face", None]})

    assert answer.status_code == 400
    assert answer.json() == {"detail": "URLs are not accepted as inputs; upload the file."}


@pytest.mark.parametrize("route", ["proxy=http://127.0.0.1:1/", "vibe-code", "monitoring", "deep_link", "token"])
def test_routes_that_the_page_does_not_need_are_closed(client: httpx.Client, route: str) -> None:
    """What Gradio offers beyond the page is not there."""
    assert client.get(f"/gradio_api/{route}").status_code == 404


def test_large_uploads_are_refused(client: httpx.Client, server: DemoServer) -> None:
    """With an announced length and without one, and nothing of them stays on disk."""
    content = b"\x89PNG" + b"\0" * 5_000_000
    form = {"content-type": "multipart/form-data; boundary=x"}
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="big.png"\r\n\r\n'

    def stream() -> Iterator[bytes]:
        yield head
        for _ in range(50):
            yield b"\0" * 100_000
        yield b"\r\n--x--\r\n"

    announced = client.post("/gradio_api/upload", files={"files": ("big.png", content)})
    try:
        unannounced = client.post("/gradio_api/upload", content=stream(), headers=form).status_code
    except httpx.TransportError:  # the server may hang up while the rest is still being sent
        unannounced = 413

    assert announced.status_code == 413
    assert unannounced in {400, 413, 499, 500}
    assert max((path.stat().st_size for path in server.folder.rglob("*") if path.is_file()), default=0) < 3_100_000


def test_large_requests_are_refused(client: httpx.Client) -> None:
    """A picture inside the JSON of a request would go round the limit of uploads."""
    data = {"data": [{"url": "data:image/png;base64," + "A" * 100_000, "meta": {"_type": "gradio.FileData"}}]}

    assert client.post("/gradio_api/call/predict", json=data).status_code == 413


def test_headers_keep_the_browser_at_home(client: httpx.Client) -> None:
    """The page may load nothing from another host."""
    policy = client.get("/").headers["content-security-policy"]

    assert policy.startswith("default-src 'self';")
    assert "http" not in policy


def test_login(tmp_path: Path, smile: str) -> None:
    """Without it, and with a wrong password, nothing is given out; with the right one the API works.

    What visitors give is in no log, however much of it there is.
    """
    secret = "a long secret"  # noqa: S105 - of this test
    with demo_server(tmp_path, "--user", "lab", password=secret, logs_everything=True) as server:
        with httpx.Client(base_url=server.url, timeout=60) as stranger:
            (folder,) = server.folder.glob("fer_zoo_demo_*")
            file = f"/gradio_api/file={folder}/x"
            for route in ("/config", "/gradio_api/info", file, "/gradio_api/call/predict/x"):
                assert stranger.get(route).status_code == 401
            assert stranger.post("/gradio_api/upload", files={"files": ("a.png", b"a")}).status_code == 401
            assert stranger.post("/gradio_api/call/predict", json={"data": []}).status_code == 401
            wrong = stranger.post("/login", data={"username": "lab", "password": "a long guess"})
            assert wrong.status_code == 400
            assert "set-cookie" not in wrong.headers
        friend = Client(server.url, auth=("lab", secret), verbose=False)
        assert friend.predict(handle_file(smile), api_name="/predict")["faces"][0]["label"] == "happiness"
        with httpx.Client(base_url=server.url, timeout=60) as behind:  # of a server here that says for whom it asks
            answers = [
                behind.post("/login", data={"username": "lab", "password": "a guess"}, headers={"X-Forwarded-For": who})
                for who in ["203.0.113.7"] * (MAX_TRIES + 1) + ["203.0.113.8"]
            ]
        assert [answer.status_code for answer in answers] == [400] * MAX_TRIES + [429, 400]
        logged = server.process.out.read_text() + server.process.err.read_text()
    assert "DEBUG:" in logged
    assert "secret" not in logged
    assert "guess" not in logged
