"""A small Hugging Face Hub on the loopback interface: the parts of its protocol that the official client uses.

It keeps repositories with commits, branches and large files in memory, asks for tokens as the Hub does, and can be told
to cut downloads off or to serve other bytes than it reports.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple, cast
from urllib.parse import unquote, urlsplit

import pytest
from huggingface_hub import constants

WRITE_TOKEN = "hf_write"  # noqa: S105 - known to this server only
READ_TOKEN = "hf_read"  # noqa: S105
FIRST_MESSAGE = "initial commit"  # of a new repository


@dataclass(frozen=True)
class File:
    """A file in a commit; a large one has its sha256 as its name, a small one its git object name."""

    content: bytes
    is_large: bool

    @property
    def sha256(self) -> str:
        """Checksum of the content."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def blob_id(self) -> str:
        """Name of the object in git."""
        return hashlib.sha1(b"blob %d\0" % len(self.content) + self.content, usedforsecurity=False).hexdigest()

    @property
    def etag(self) -> str:
        """What the client calls the content in its cache."""
        return self.sha256 if self.is_large else self.blob_id

    def describe(self, name: str) -> dict[str, Any]:
        """Return the file as listings show it; model information and trees use different keys for the same."""
        size = len(self.content)
        large = {"oid": self.sha256, "sha256": self.sha256, "size": size, "pointerSize": 134}
        shared = {"type": "file", "path": name, "rfilename": name, "size": size, "oid": self.blob_id}
        return shared | {"blobId": self.blob_id} | ({"lfs": large} if self.is_large else {})


@dataclass
class Repository:
    """Commits by their name, the branches that stand for one, and who may see it."""

    is_private: bool = False
    commits: dict[str, dict[str, File]] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)

    def add(self, branch: str, files: Mapping[str, File], message: str) -> str:
        """Put files on top of a branch and return the commit."""
        parent = self.branches.get(branch)
        commit = hashlib.sha1(f"{branch} {len(self.commits)}".encode(), usedforsecurity=False).hexdigest()
        self.commits[commit] = {**self.commits.get(parent or "", {}), **files}
        self.messages[commit] = message
        self.branches[branch] = commit
        return commit


class Request(NamedTuple):
    """What the tests want to know of a request."""

    method: str
    path: str
    range: str | None
    has_token: bool


@dataclass
class Hub:
    """What the server holds and how it misbehaves.

    Attributes:
        repositories: by ``owner/name``.
        large: contents of large files by their sha256.
        requests: every request in its order.
        cuts: how many downloads of large files are still to be cut off half-way.
        refuses_rest: whether the rest of a file that was cut off never comes.
        swapped: bytes served instead of those of a large file, by its sha256.
        endpoint: address of the server.
        storage: its address by another name, under which it serves large files, as the Hub has another host for them.
    """

    repositories: dict[str, Repository] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    cuts: int = 0
    refuses_rest: bool = False
    swapped: dict[str, bytes] = field(default_factory=dict)
    endpoint: str = ""
    storage: str = ""


class RefusalError(Exception):
    """An answer other than success, as the Hub words it."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


def _upload_mode(there: Mapping[str, File], path: str) -> dict[str, Any]:
    """Return how a file is to be sent, and what there is of its path already."""
    mode = "lfs" if path.endswith(".safetensors") else "regular"
    oid = {"oid": there[path].etag} if path in there else {}
    return {"path": path, "uploadMode": mode, "shouldIgnore": False, **oid}


class _Server(ThreadingHTTPServer):
    """A server that holds a Hub and does not mind a client that hangs up."""

    hub: Hub

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing; the tests look at the client's side."""


class _Handler(BaseHTTPRequestHandler):
    """Answers for a Hub."""

    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> Hub:
        """What there is to answer from."""
        return cast("_Server", self.server).hub

    def do_GET(self) -> None:
        """Serve information, listings and files."""
        self._answer()

    def do_HEAD(self) -> None:
        """Serve what is known of a file."""
        self._answer()

    def do_POST(self) -> None:
        """Take repositories, branches and commits."""
        self._answer()

    def do_PUT(self) -> None:
        """Take large files."""
        self._answer()

    def _answer(self) -> None:
        """Serve one request."""
        parts = urlsplit(self.path).path.strip("/").split("/")
        self.path = unquote(urlsplit(self.path).path)
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        has_token = "Authorization" in self.headers
        self.hub.requests.append(Request(self.command, self.path, self.headers.get("Range"), has_token))
        try:
            self._route([unquote(part) for part in parts])
        except RefusalError as refusal:
            headers = {"X-Error-Message": refusal.message, "X-Error-Code": refusal.code}
            self._send(refusal.status, {"error": refusal.message}, headers)

    def _route(self, parts: list[str]) -> None:
        """Choose the answer by the path."""
        match parts:
            case ["api", "whoami-v2"]:
                self._check_token()
                self._send(200, {"name": "me", "type": "user", "orgs": [], "auth": {}})
            case ["api", "validate-yaml"]:
                self._send(200, {"errors": [], "warnings": []})
            case ["api", "repos", "create"]:
                self._create(json.loads(self.body))
            case ["api", "models", owner, name, *rest]:
                self._about(f"{owner}/{name}", rest)
            case [owner, name, "info", "lfs", "objects", "batch"]:
                self._check_token(may_write=True)
                self._send(200, self._batch(f"{owner}/{name.removesuffix('.git')}"))
            case ["large", sha256] if self.command == "PUT":
                self.hub.large[sha256] = self.body
                self._send(200, {})
            case ["large", sha256]:
                self._send_large(sha256)
            case [owner, name, "resolve", revision, *path]:
                self._resolve(f"{owner}/{name}", revision, "/".join(path))
            case _:
                raise RefusalError(404, "Sorry, we can't find the page you are looking for.")

    def _about(self, repo_id: str, parts: list[str]) -> None:
        """Answer what is below the address of a repository."""
        match parts:
            case [] | ["revision", _]:
                commit = self._find(repo_id, parts[1] if parts else "main")
                files = self.hub.repositories[repo_id].commits[commit]
                siblings = [file.describe(name) for name, file in files.items()]
                self._send(200, {"id": repo_id, "sha": commit, "siblings": siblings, "tags": []})
            case ["tree", revision]:
                files = self.hub.repositories[repo_id].commits[self._find(repo_id, revision)]
                self._send(200, [file.describe(name) for name, file in files.items()])
            case ["preupload", revision]:
                self._check_token(may_write=True)
                there = self.hub.repositories[repo_id].commits[self._find(repo_id, revision)]
                asked = json.loads(self.body)["files"]
                self._send(200, {"files": [_upload_mode(there, file["path"]) for file in asked]})
            case ["commit", branch]:
                self._check_token(may_write=True)
                self._find(repo_id, branch)
                self._commit(self.hub.repositories[repo_id], repo_id, branch)
            case ["branch", branch]:
                self._check_token(may_write=True)
                if branch in self.hub.repositories[repo_id].branches:
                    raise RefusalError(409, f"Reference already exists: {branch}")
                start = json.loads(self.body).get("startingPoint", "main")
                self.hub.repositories[repo_id].branches[branch] = self._find(repo_id, start)
                self._send(200, {})
            case _:
                raise RefusalError(404, "Sorry, we can't find the page you are looking for.")

    def _check_token(self, *, may_write: bool = False) -> None:
        token = self._token()
        if token is None:
            raise RefusalError(401, "Invalid username or password.")
        if may_write and token != WRITE_TOKEN:
            raise RefusalError(403, "You don't have the rights to create a model under this namespace")

    def _token(self) -> str | None:
        """Return the token that was sent, if one was."""
        header = self.headers.get("Authorization")
        if header is None:
            return None
        token = header.removeprefix("Bearer ")
        if token not in {WRITE_TOKEN, READ_TOKEN}:
            raise RefusalError(401, "Invalid credentials in Authorization header")
        return token

    def _find(self, repo_id: str, revision: str | None = None) -> str:
        """Return the commit of a revision that the token may see."""
        repository = self.hub.repositories.get(repo_id)
        token = self._token()
        if repository is None or (repository.is_private and token is None):
            raise RefusalError(404, "Repository not found", "RepoNotFound")
        if revision is None or revision in repository.commits:
            return revision or ""
        if revision not in repository.branches:
            raise RefusalError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return repository.branches[revision]

    def _create(self, asked: dict[str, Any]) -> None:
        self._check_token(may_write=True)
        repo_id = f"{asked['organization'] or 'me'}/{asked['name']}"
        url = {"url": f"{self.hub.endpoint}/{repo_id}", "name": repo_id, "id": repo_id}
        if repo_id in self.hub.repositories:
            self._send(409, {"error": "You already created this model repo", **url})
            return
        is_private = asked.get("visibility") == "private" or asked.get("private") is True
        self.hub.repositories[repo_id] = Repository(is_private=is_private)
        self.hub.repositories[repo_id].add("main", {}, FIRST_MESSAGE)
        self._send(200, url)

    def _batch(self, repo_id: str) -> dict[str, Any]:
        self._find(repo_id)
        objects = []
        for asked in json.loads(self.body)["objects"]:
            upload = {"upload": {"href": f"{self.hub.storage}/large/{asked['oid']}"}}
            objects.append({**asked, **({} if asked["oid"] in self.hub.large else {"actions": upload})})
        return {"transfer": "basic", "objects": objects}

    def _commit(self, repository: Repository, repo_id: str, branch: str) -> None:
        """Read a commit line by line."""
        lines = [json.loads(line) for line in self.body.splitlines()]
        files = {}
        for value in (line["value"] for line in lines if line["key"] == "file"):
            files[value["path"]] = File(base64.b64decode(value["content"]), is_large=False)
        for value in (line["value"] for line in lines if line["key"] == "lfsFile"):
            files[value["path"]] = File(self.hub.large[value["oid"]], is_large=True)
        commit = repository.add(branch, files, lines[0]["value"]["summary"])
        self._send(200, {"commitUrl": f"{self.hub.endpoint}/{repo_id}/commit/{commit}", "commitOid": commit})

    def _resolve(self, repo_id: str, revision: str, path: str) -> None:
        """Serve a small file, or say where a large one is."""
        commit = self._find(repo_id, revision)
        file = self.hub.repositories[repo_id].commits[commit].get(path)
        headers = {"X-Repo-Commit": commit}
        if file is None:
            raise RefusalError(404, "Entry not found", "EntryNotFound")
        if not file.is_large:
            self._send(200, file.content, {**headers, "ETag": f'"{file.etag}"'})
            return
        linked = {"X-Linked-Etag": f'"{file.etag}"', "X-Linked-Size": str(len(file.content))}
        self._send(302, b"", {**headers, **linked, "Location": f"{self.hub.storage}/large/{file.sha256}"})

    def _send_large(self, sha256: str) -> None:
        """Serve a large file or the rest of it, and misbehave as told."""
        content = self.hub.swapped.get(sha256, self.hub.large[sha256])
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        headers = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
        rest = content[start:]
        sent = rest
        if start and self.hub.refuses_rest:
            sent = b""
        elif self.command == "GET" and self.hub.cuts:
            self.hub.cuts -= 1
            sent = rest[: len(rest) // 2]
        self._send(206 if start else 200, sent, headers, announced=len(rest))

    def _send(
        self, status: int, body: object, headers: Mapping[str, str] | None = None, announced: int | None = None
    ) -> None:
        """Send bytes as they are and anything else as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        length = len(content) if announced is None else announced
        self.send_response(status)
        for name, value in {"Content-Length": str(length), "Connection": "close", **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serve() -> Iterator[Hub]:
    """Run an empty Hub."""
    hub = Hub()
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.hub = hub
        hub.endpoint = f"http://127.0.0.1:{server.server_port}"
        hub.storage = f"http://localhost:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def serve_to_client(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[Hub]:
    """Run an empty Hub, and let the client use it and nothing else.

    The client reads its settings from the environment once, when it is imported; they are changed where it keeps them.

    Args:
        monkeypatch: of the test.
        folder: for the cache of the client.
    """
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "*")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with serve() as running:
        settings = {
            "ENDPOINT": running.endpoint,
            "HUGGINGFACE_CO_URL_TEMPLATE": running.endpoint + "/{repo_id}/resolve/{revision}/{filename}",
            "HF_HUB_CACHE": str(folder / "cache"),
            "HF_HUB_DISABLE_XET": True,  # a protocol of its own, which only the real Hub speaks
            "HF_HUB_OFFLINE": False,
            "HF_TOKEN_PATH": str(folder / "no-token"),
        }
        for name, value in settings.items():
            monkeypatch.setattr(constants, name, value)
        yield running
