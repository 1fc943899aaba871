"""Other web sites in the same browser: what they may ask the page for, and what they may not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import numpy as np
import pytest
from demo_server import DemoServer, demo_server
from demo_visit import Visit
from numpy.typing import NDArray

from fer_zoo.demo.origins import reason_to_refuse

Write = Callable[[str, NDArray[np.uint8]], str]
Open = Callable[..., Visit]

FOREIGN = {"Origin": "https://evil.example"}
FRAMED = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
PASSWORD = "a long secret"  # noqa: S105 - of this test
LOGIN = {"username": "lab", "password": PASSWORD}


@pytest.fixture(scope="module")
def public_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoServer]:
    """Return a running server that listens at every address and asks for a login."""
    folder = tmp_path_factory.mktemp("public")
    with demo_server(folder, "--host", "0.0.0.0", "--user", "lab", password=PASSWORD) as server:  # noqa: S104
        yield server


@pytest.fixture
def local(server: DemoServer) -> Iterator[httpx.Client]:
    """Return an HTTP client at a server that only this machine can reach."""
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


@pytest.fixture
def public(public_server: DemoServer) -> Iterator[httpx.Client]:
    """Return an HTTP client at a server that others know by a name."""
    with httpx.Client(base_url=public_server.url, timeout=60, headers={"Host": "faces.example.org"}) as client:
        yield client


@contextmanager
def web_site(page: str) -> Iterator[str]:
    """Serve one page at a port of its own, and give its URL."""

    class Handler(BaseHTTPRequestHandler):
        """Answers with the page."""

        def do_GET(self) -> None:
            """Send the page, whatever is asked for."""
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as site:
        Thread(target=site.serve_forever, daemon=True).start()
        yield f"http://localhost:{site.server_address[1]}"
        site.shutdown()


def request_of(path: str = "/gradio_api/upload", method: str = "POST", **headers: str) -> dict[str, object]:
    """Return a request as a server hands it on; ``sec_fetch_site`` is the header of that name."""
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "path": path, "method": method, "headers": named}


def stored_files(folder: Path) -> set[Path]:
    """Return the files below a folder."""
    return {path for path in folder.rglob("*") if path.is_file()}


def test_foreign_sites_cannot_use_the_session_of_a_visitor(public: httpx.Client) -> None:
    """Neither a login nor anything after it is answered, and no header lets a foreign page read the answer."""
    logged_in = public.post("/login", data=LOGIN)
    cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in logged_in.cookies.items())}
    assert public.get("/config", headers=cookie).status_code == 200

    answers = [
        public.post("/login", data=LOGIN, headers=FOREIGN),
        public.get("/config", headers=FOREIGN | cookie),
        public.post("/gradio_api/upload", files={"files": ("a.png", b"a")}, headers=FOREIGN | cookie),
        public.get("/gradio_api/info", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "empty"} | cookie),
        public.options("/config", headers=FOREIGN | {"Access-Control-Request-Method": "GET"}),
    ]

    assert [answer.status_code for answer in answers] == [403] * 5
    assert answers[0].json() == {"detail": "The request comes from another web site, https://evil.example."}
    assert answers[3].json() == {"detail": "The request comes from another web site."}
    assert not any(name.startswith("access-control") for answer in answers for name in answer.headers)


def test_page_itself_is_answered_without_leave_for_others(public: httpx.Client) -> None:
    """Requests from the page's own origin work, by the name that the visitor or the server in front has for it."""
    behind = {"Origin": "https://faces.example.org", "X-Forwarded-Host": "faces.example.org", "Host": "10.0.0.7:7860"}

    answers = [
        public.post("/login", data=LOGIN, headers={"Origin": "https://faces.example.org"}),
        public.post("/login", data=LOGIN, headers=behind),
        public.post("/login", data=LOGIN),
    ]

    assert [answer.status_code for answer in answers] == [200] * 3
    assert not any(name.startswith("access-control") for answer in answers for name in answer.headers)


def test_foreign_upload_is_not_stored(local: httpx.Client, server: DemoServer) -> None:
    """A form that any site can send without asking first leaves nothing on the disk."""
    before = stored_files(server.folder)

    answer = local.post("/gradio_api/upload", files={"files": ("a.png", b"foreign")}, headers=FOREIGN)

    assert answer.status_code == 403
    assert stored_files(server.folder) <= before


@pytest.mark.parametrize("host", ["evil.example:7860", "127.0.0.1.evil.example", "192.168.0.7:7860", "[::1"])
def test_local_page_is_not_served_under_other_names(local: httpx.Client, host: str) -> None:
    """A name that someone else points at this machine opens nothing, and the answer says which names do."""
    answer = local.get("/", headers={"Host": host})

    assert answer.status_code == 403
    assert answer.json()["detail"] == (
        f"The page is for this machine alone, as localhost or 127.0.0.1, and was asked for as {host!r}. A server in "
        "front of it sends one of these names as Host, and its own as X-Forwarded-Host."
    )


@pytest.mark.parametrize("host", ["localhost:7860", "LOCALHOST", "127.0.0.1", "127.0.0.1:1", "[::1]:7860"])
def test_local_page_is_served_under_its_own_names(local: httpx.Client, host: str) -> None:
    """All names of this machine open it, at any port, as behind a tunnel."""
    assert local.get("/", headers={"Host": host}).status_code == 200


def test_page_opens_from_links_and_in_frames(local: httpx.Client) -> None:
    """The page itself may be opened from elsewhere, as Spaces do; nothing else, and not by a script."""
    link = FRAMED | {"Sec-Fetch-Dest": "document"}
    script = FRAMED | {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}

    assert local.get("/?__theme=light", headers=FRAMED).status_code == 200
    assert local.get("/", headers=link).status_code == 200
    assert local.get("/", headers=script).status_code == 403
    assert local.get("/logout", headers=link).status_code == 403
    assert local.post("/", headers=FRAMED).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        *({}, {"sec_fetch_site": "same-origin"}, {"sec_fetch_site": "none"}),
        {"origin": "http://a.example:80", "host": "a.example:80"},
        {"origin": "https://A.example", "host": "a.EXAMPLE"},
        {"origin": "https://a.example", "host": "127.0.0.1:7860", "x_forwarded_host": "a.example, b.example"},
        {"origin": "https://a.example", "host": "127.0.0.1:7860", "sec_fetch_site": "same-origin"},
    ],
)
def test_requests_of_programs_and_of_the_page_pass(headers: dict[str, str]) -> None:
    """Programs send none of these headers, and a browser that calls a request the page's own is believed."""
    assert reason_to_refuse(request_of(**headers), is_local=False) is None


@pytest.mark.parametrize(
    "headers",
    [
        *({"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "same-site"}),
        *({"origin": "null", "host": "a.example"}, {"origin": "http://a.example"}),
        {"origin": "http://localhost:3000", "host": "localhost:7860"},
        {"origin": "http://a.example.evil.example", "host": "a.example"},
        {"origin": "http://evil.example", "host": "a.example", "sec_fetch_site": "none"},
    ],
)
def test_requests_of_other_pages_are_refused(headers: dict[str, str]) -> None:
    """So is a page on another port, on a host of the same site, or without an origin of its own."""
    reason = reason_to_refuse(request_of(**headers), is_local=False)

    assert reason is not None
    assert reason.startswith("The request comes from another web site")


@pytest.mark.slow
def test_browser_keeps_foreign_pages_out(server: DemoServer, visit: Open) -> None:
    """A page of another site can neither read from the server nor upload to it."""
    before = stored_files(server.folder)
    send = """async ([url, mode]) => {
        const form = new FormData();
        form.append("files", new Blob(["foreign"]), "a.png");
        const post = {method: "POST", body: form, mode, credentials: "include"};
        return fetch(url, post).then((answer) => answer.type, (error) => error.name);
    }"""
    with web_site("<title>foreign</title>") as url:
        page = visit(url).page

        sent = [page.evaluate(send, [f"{server.url}/gradio_api/upload", mode]) for mode in ("no-cors", "cors")]

    assert sent == ["opaque", "TypeError"]
    assert stored_files(server.folder) <= before


@pytest.mark.slow
def test_page_works_in_a_frame_of_another_site(
    server: DemoServer, visit: Open, write_picture: Write, astronaut: NDArray[np.uint8]
) -> None:
    """As on Hugging Face: uploads and answers of the page in the frame are its own."""
    with web_site(f"<iframe src='{server.url}' width=1200 height=900></iframe>") as url:
        seen = visit(url)
        frame = seen.page.frame_locator("iframe")

        frame.locator("#picture-input input[type=file]").set_input_files(write_picture("smile.png", astronaut))
        said = frame.locator("#picture-status .fz-message").inner_text()

    assert said == "Found 1 face in smile.png."
