"""Sending models to the Hub and fetching them, with the official client against a Hub on the loopback interface."""

import json
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hub_server import FIRST_MESSAGE, READ_TOKEN, WRITE_TOKEN, File, Hub, Repository, Request, serve_to_client
from huggingface_hub import HfApi, constants
from transformers import AutoConfig, AutoModelForImageClassification
from typer.testing import CliRunner

from fer_zoo.cli import app
from fer_zoo.errors import (
    CheckpointError,
    FerZooError,
    HubAccessError,
    HubConnectionError,
    HubError,
    HubNotFoundError,
    InvalidOptionError,
    UnknownNameError,
    WeightsIntegrityError,
)
from fer_zoo.hub import pull, push
from fer_zoo.hub.files import all_files, text_files
from fer_zoo.models.checkpoint import save_checkpoint
from fer_zoo.registry import create_model, get_entry

# Said by the client of itself: it hands a file to httpx in a way that httpx has a newer one for.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning")

REPO_ID = "me/mhan"
ENTRY = get_entry("mhan")
SHA256 = str(ENTRY.sha256)
FILES = ("README.md", "config.json", "evaluation.json", "model.safetensors", "preprocessor_config.json")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """Run a Hub, and let the client use it and nothing else."""
    with serve_to_client(monkeypatch, tmp_path) as running:
        yield running


@pytest.fixture
def published(hub: Hub) -> Hub:
    """Run a Hub that has the embedded model on its main branch."""
    files = {name: File(content, name.endswith(".safetensors")) for name, content in all_files(ENTRY).items()}
    hub.repositories[REPO_ID] = Repository()
    hub.repositories[REPO_ID].add("main", files, "first")
    hub.large[SHA256] = files["model.safetensors"].content
    return hub


def names_below(folder: Path) -> list[str]:
    """Return the files below a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def large_downloads(hub: Hub) -> list[Request]:
    """Return the downloads of large files."""
    return [request for request in hub.requests if request.method == "GET" and request.path.startswith("/large/")]


class TestPush:
    """From the package to the Hub."""

    def test_all_files_arrive_in_one_commit(self, hub: Hub) -> None:
        """A push makes the repository, with the weights as a large file and the rest as text, in one commit."""
        commit = push("mhan", REPO_ID, token=WRITE_TOKEN, endpoint=hub.endpoint)

        repository = hub.repositories[REPO_ID]
        files = repository.commits[commit.oid]
        assert list(repository.messages.values()) == [FIRST_MESSAGE, "Add mhan from fer-zoo"]
        assert repository.branches == {"main": commit.oid}
        assert commit.commit_url == f"{hub.endpoint}/{REPO_ID}/commit/{commit.oid}"
        assert {name: file.content for name, file in files.items()} == all_files(ENTRY)
        assert [name for name, file in files.items() if file.is_large] == ["model.safetensors"]
        assert hub.large.keys() == {SHA256}

    def test_push_without_a_change_makes_no_commit(self, hub: Hub) -> None:
        """A second push of the same model gives the commit that is there."""
        first = push("mhan", REPO_ID, token=WRITE_TOKEN, endpoint=hub.endpoint)

        second = push("mhan", REPO_ID, token=WRITE_TOKEN, endpoint=hub.endpoint)

        assert second.oid == first.oid
        assert list(hub.repositories[REPO_ID].messages.values()) == [FIRST_MESSAGE, "Add mhan from fer-zoo"]

    def test_branch_is_made_where_there_is_none(self, hub: Hub) -> None:
        """In a new repository and in one that is there; a second push goes to the same branch, and main stays."""
        first = push("mhan", REPO_ID, revision="feature/dev", token=WRITE_TOKEN, endpoint=hub.endpoint)
        second = push("mhan", REPO_ID, revision="feature/dev", token=WRITE_TOKEN, endpoint=hub.endpoint)
        other = push("han_pff", REPO_ID, revision="other", token=WRITE_TOKEN, endpoint=hub.endpoint)

        repository = hub.repositories[REPO_ID]
        assert repository.branches.keys() == {"main", "feature/dev", "other"}
        assert repository.branches["feature/dev"] == first.oid == second.oid
        assert repository.branches["other"] == other.oid
        assert repository.commits[repository.branches["main"]] == {}

    def test_pull_request_is_no_branch(self, published: Hub) -> None:
        """A push goes to one that is there, and makes none."""
        published.repositories[REPO_ID].add("refs/pr/1", {}, "opened")

        commit = push("han_pff", REPO_ID, revision="refs/pr/1", token=WRITE_TOKEN, endpoint=published.endpoint)
        with pytest.raises(HubNotFoundError, match=f"'{REPO_ID}': the repository has no such revision"):
            push("han_pff", REPO_ID, revision="refs/pr/2", token=WRITE_TOKEN, endpoint=published.endpoint)

        assert published.repositories[REPO_ID].branches["refs/pr/1"] == commit.oid
        assert not [request for request in published.requests if "/branch/" in request.path]

    def test_options_reach_the_hub(self, hub: Hub) -> None:
        """Privacy and message are those that were asked for."""
        push("mhan", REPO_ID, token=WRITE_TOKEN, endpoint=hub.endpoint, private=True, message="Second thoughts")

        assert hub.repositories[REPO_ID].is_private
        assert list(hub.repositories[REPO_ID].messages.values()) == [FIRST_MESSAGE, "Second thoughts"]

    @pytest.mark.parametrize(
        ("token", "reason"),
        [
            ("hf_wrong", "the Hub did not accept the token, or asks for one; log in with 'hf auth login'"),
            (None, "the Hub did not accept the token, or asks for one; log in with 'hf auth login'"),
            (READ_TOKEN, "the token does not allow it"),
        ],
    )
    def test_token_that_may_not_write_is_refused(self, hub: Hub, token: str | None, reason: str) -> None:
        """A wrong, a missing and a read-only token are each a PermissionError that does not repeat the token."""
        with pytest.raises(HubAccessError, match=f"Cannot push '{REPO_ID}': {reason}") as caught:
            push("mhan", REPO_ID, token=token, endpoint=hub.endpoint)

        assert isinstance(caught.value, PermissionError)
        assert "hf_" not in str(caught.value)
        assert hub.repositories == {}

    def test_the_folder_of_a_training_run_arrives_without_its_checkpoints(self, hub: Hub, tmp_path: Path) -> None:
        """Model, card and report of a run go along; what is below the folder stays."""
        folder = tmp_path / "mine"
        fresh = create_model("han_pff", config_options={"image_size": 112, "hidden_sizes": [4, 4, 8, 8]})
        save_checkpoint(fresh.model, fresh.processor, folder / "checkpoints" / "checkpoint-1")
        save_checkpoint(fresh.model, fresh.processor, folder)
        halves = (".a1.partial.json", ".b2.partial.safetensors")  # of writers that were killed
        (folder / "sub.json").mkdir()
        for name in ("README.md", "evaluation.json", "reliability.png", "run.yaml", "notes.txt", *halves):
            (folder / name).write_text("{}", encoding="utf-8")

        commit = push(folder, "me/mine", token=WRITE_TOKEN, endpoint=hub.endpoint)

        repository = hub.repositories["me/mine"]
        assert list(repository.messages.values()) == [FIRST_MESSAGE, "Add mine from fer-zoo"]
        assert sorted(repository.commits[commit.oid]) == [
            *("README.md", "config.json", "evaluation.json", "model.safetensors", "preprocessor_config.json"),
            *("reliability.png", "run.yaml"),
        ]

    def test_a_folder_without_a_model_is_not_sent(self, hub: Hub, tmp_path: Path) -> None:
        """The message says what is missing, and nothing is asked of the Hub."""
        (tmp_path / "config.json").write_text("{}", encoding="utf-8")

        with pytest.raises(
            CheckpointError, match=r"it has no model\.safetensors, preprocessor_config\.json, README\.md"
        ):
            push(tmp_path, "me/mine", token=WRITE_TOKEN, endpoint=hub.endpoint)

        assert hub.requests == []

    @pytest.mark.parametrize("repo_id", ["mhan", "a/b/c", "me/-x-", "me/a--b"])
    def test_name_that_is_no_repository_is_refused(self, hub: Hub, repo_id: str) -> None:
        """A name without an owner, or one that the Hub does not allow, is an invalid option."""
        with pytest.raises(InvalidOptionError, match="repo_id: expected a repository on the Hub, as owner/name"):
            push("mhan", repo_id, token=WRITE_TOKEN, endpoint=hub.endpoint)

        assert hub.requests == []

    def test_unknown_model_is_refused(self, hub: Hub) -> None:
        """Only published models can be sent, and a misspelt name is answered with the one that was meant."""
        with pytest.raises(UnknownNameError, match="Did you mean 'mhan'"):
            push("mahn", REPO_ID, endpoint=hub.endpoint)


class TestPull:
    """From the Hub to a folder."""

    @pytest.mark.slow
    def test_round_trip_keeps_every_bit(self, hub: Hub, tmp_path: Path) -> None:
        """A model that was pushed and pulled has the same files, and loads with the same weights."""
        push("mhan", REPO_ID, token=WRITE_TOKEN, endpoint=hub.endpoint)

        folder = pull(REPO_ID, tmp_path / "models" / "copy", endpoint=hub.endpoint)

        assert folder == tmp_path / "models" / "copy"
        assert {name: (folder / name).read_bytes() for name in names_below(folder)} == all_files(ENTRY)
        ours, theirs = (AutoModelForImageClassification.from_pretrained(path) for path in (ENTRY.folder, folder))
        assert ours.state_dict().keys() == theirs.state_dict().keys()
        assert all(torch.equal(value, theirs.state_dict()[name]) for name, value in ours.state_dict().items())

    def test_private_repository_needs_a_token(self, published: Hub, tmp_path: Path) -> None:
        """A private repository is not found without a token, and comes with one."""
        published.repositories[REPO_ID].is_private = True

        with pytest.raises(HubNotFoundError, match="or it is private; check the name, and for a private one log in"):
            pull(REPO_ID, tmp_path / "copy", endpoint=published.endpoint)
        assert names_below(pull(REPO_ID, tmp_path / "copy", token=READ_TOKEN, endpoint=published.endpoint)) == [*FILES]
        assert [request.has_token for request in large_downloads(published)] == [False]  # the storage is another host

    @pytest.mark.parametrize("by", ["branch", "commit"])
    def test_revision(self, published: Hub, tmp_path: Path, by: str) -> None:
        """A branch and a commit each give their own files, and main stays the default."""
        api = HfApi(endpoint=published.endpoint, token=WRITE_TOKEN)
        api.create_branch(REPO_ID, branch="trial")
        other = {**json.loads((ENTRY.folder / "config.json").read_bytes()), "id2label": dict(enumerate("abcdefgh"))}
        commit = api.upload_file(
            path_or_fileobj=json.dumps(other).encode(), path_in_repo="config.json", repo_id=REPO_ID, revision="trial"
        )
        revision = "trial" if by == "branch" else commit.oid

        trial = pull(REPO_ID, tmp_path / "trial", revision=revision, endpoint=published.endpoint)
        main = pull(REPO_ID, tmp_path / "main", endpoint=published.endpoint)

        assert AutoConfig.from_pretrained(trial).id2label[0] == "a"
        assert AutoConfig.from_pretrained(main).id2label[0] == "neutral"

    def test_only_data_is_taken(self, published: Hub, tmp_path: Path) -> None:
        """Code and pickles stay on the Hub."""
        extra = {name: File(b"x", is_large=False) for name in ("modeling.py", "pytorch_model.bin", "run.sh")}
        published.repositories[REPO_ID].add("main", extra, "more")

        assert names_below(pull(REPO_ID, tmp_path / "copy", endpoint=published.endpoint)) == [*FILES]

    def test_empty_folder_is_filled(self, published: Hub, tmp_path: Path) -> None:
        """A folder without files may be there already."""
        (tmp_path / "copy").mkdir()

        assert names_below(pull(REPO_ID, tmp_path / "copy", endpoint=published.endpoint)) == [*FILES]

    def test_folder_in_use_is_left_alone(self, published: Hub, tmp_path: Path) -> None:
        """A folder with something in it is refused before the Hub is asked."""
        (tmp_path / "notes.txt").write_text("mine")

        with pytest.raises(InvalidOptionError, match="destination: expected a folder that does not exist yet"):
            pull(REPO_ID, tmp_path, endpoint=published.endpoint)

        assert names_below(tmp_path) == ["notes.txt"]
        assert published.requests == []

    def test_the_users_cache_is_not_touched(self, published: Hub, tmp_path: Path) -> None:
        """A pull notes nothing in the cache, where the name of a branch would hide an installed model."""
        pull(REPO_ID, tmp_path / "copy", endpoint=published.endpoint)

        assert not (tmp_path / "cache").exists()


class TestFailedPull:
    """Nothing stays behind when a pull fails."""

    @pytest.fixture(autouse=True)
    def _nothing_stays(self, tmp_path: Path) -> Iterator[None]:
        """Look at the folder after each test."""
        yield
        assert list(tmp_path.iterdir()) == []

    def test_missing_repository(self, hub: Hub, tmp_path: Path) -> None:
        """A repository that does not exist is a FileNotFoundError that names it."""
        with pytest.raises(HubNotFoundError, match="Cannot pull 'me/none': there is no such repository") as caught:
            pull("me/none", tmp_path / "copy", token=READ_TOKEN, endpoint=hub.endpoint)

        assert isinstance(caught.value, FileNotFoundError)
        assert isinstance(caught.value, FerZooError)

    def test_missing_revision(self, published: Hub, tmp_path: Path) -> None:
        """A revision that does not exist is an error of its own."""
        with pytest.raises(HubNotFoundError, match=f"'{REPO_ID}': the repository has no such revision"):
            pull(REPO_ID, tmp_path / "copy", revision="v9", endpoint=published.endpoint)

    def test_wrong_token(self, published: Hub, tmp_path: Path) -> None:
        """A wrong token is refused also where none is needed."""
        with pytest.raises(HubAccessError, match="the Hub did not accept the token"):
            pull(REPO_ID, tmp_path / "copy", token="hf_wrong", endpoint=published.endpoint)  # noqa: S106

    def test_name_that_is_no_repository(self, hub: Hub, tmp_path: Path) -> None:
        """A name that the Hub does not allow is an invalid option."""
        with pytest.raises(InvalidOptionError, match="'a/b/c' for repo_id"):
            pull("a/b/c", tmp_path / "copy", endpoint=hub.endpoint)

    def test_swapped_weights_are_refused(self, published: Hub, tmp_path: Path) -> None:
        """Weights of the right size with one other byte are an error that gives both checksums."""
        content = published.large[SHA256]
        published.swapped[SHA256] = content[:-1] + bytes([content[-1] ^ 1])

        with pytest.raises(WeightsIntegrityError, match=rf"'{REPO_ID}/model.safetensors' .* expected {SHA256}"):
            pull(REPO_ID, tmp_path / "copy", endpoint=published.endpoint)

    def test_weights_without_a_checksum_are_refused(self, published: Hub, tmp_path: Path) -> None:
        """Weights that the Hub keeps as text have no sha256 to compare with."""
        repository = published.repositories[REPO_ID]
        repository.add("main", {"model.safetensors": File(b"x", is_large=False)}, "small")

        with pytest.raises(CheckpointError, match=r"reports no sha256 for 'model\.safetensors'"):
            pull(REPO_ID, tmp_path / "copy", endpoint=published.endpoint)

    def test_repository_without_weights(self, published: Hub, tmp_path: Path) -> None:
        """A repository without safetensors is no model that can be pulled."""
        files = {name: File(content, is_large=False) for name, content in text_files(ENTRY).items()}
        published.repositories["me/empty"] = Repository()
        published.repositories["me/empty"].add("main", files, "no weights")

        with pytest.raises(CheckpointError, match="'me/empty' has no weights in safetensors"):
            pull("me/empty", tmp_path / "copy", endpoint=published.endpoint)

    def test_model_that_does_not_load(self, published: Hub, tmp_path: Path) -> None:
        """A configuration of an unknown kind is refused, and code that it names is never asked for."""
        config = {"model_type": "nobody_knows", "auto_map": {"AutoConfig": "modeling.Config"}}
        published.repositories[REPO_ID].add("main", {"config.json": File(json.dumps(config).encode(), False)}, "odd")

        with pytest.raises(CheckpointError, match=f"The model of '{REPO_ID}' does not load"):
            pull(REPO_ID, tmp_path / "copy", endpoint=published.endpoint)

    @pytest.mark.parametrize("name", ["weights.bin", "../model.safetensors"])
    def test_index_that_names_other_files_is_refused(self, published: Hub, name: str, tmp_path: Path) -> None:
        """Weights that were not compared with their sha256 are not loaded, and nothing is kept."""
        index = json.dumps({"metadata": {}, "weight_map": {"classifier.weight": name}}).encode()
        published.repositories[REPO_ID].add("main", {"model.safetensors.index.json": File(index, False)}, "odd")

        with pytest.raises(CheckpointError, match=f"'{REPO_ID}' does not load: its .* names '{name}'"):
            pull(REPO_ID, tmp_path / "copy", endpoint=published.endpoint)

    def test_refused_connection(self, hub: Hub, tmp_path: Path) -> None:
        """A Hub that cannot be reached is a ConnectionError."""
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))

            with pytest.raises(HubConnectionError, match="the connection failed") as caught:
                pull(REPO_ID, tmp_path / "copy", endpoint=f"http://127.0.0.1:{unused.getsockname()[1]}")

        assert isinstance(caught.value, ConnectionError)

    def test_offline_mode(self, published: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """In offline mode the error names the variable, and no request is made."""
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)

        with pytest.raises(HubConnectionError, match="HF_HUB_OFFLINE is set; unset it"):
            pull(REPO_ID, tmp_path / "copy", endpoint=published.endpoint)

        assert published.requests == []


class TestCutOffDownload:
    """Downloads that end too early."""

    @pytest.fixture(autouse=True)
    def _impatient(self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
        """Let the client try again at once, and keep what it has in small pieces."""
        monkeypatch.setattr("huggingface_hub.file_download.time", SimpleNamespace(sleep=lambda _: None))
        monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 2**16)
        caplog.set_level(logging.CRITICAL, "huggingface_hub")

    def test_download_is_resumed(self, published: Hub, tmp_path: Path) -> None:
        """After half a file the client asks for the rest, and the result is whole."""
        published.cuts = 1

        folder = pull(REPO_ID, tmp_path / "copy", endpoint=published.endpoint)

        assert (folder / "model.safetensors").read_bytes() == published.large[SHA256]
        first, second = (request.range for request in large_downloads(published))
        assert first is None
        assert second is not None
        start = int(second.removeprefix("bytes=").rstrip("-"))
        half = len(published.large[SHA256]) // 2
        assert half - 2**16 < start <= half

    def test_rest_that_never_comes(self, published: Hub, tmp_path: Path) -> None:
        """When the rest never comes the pull is an error, and half a model is not kept."""
        published.cuts, published.refuses_rest = 1, True

        with pytest.raises(HubConnectionError, match=f"Cannot pull '{REPO_ID}': the connection failed"):
            pull(REPO_ID, tmp_path / "copy", endpoint=published.endpoint)

        assert len(large_downloads(published)) > 1
        assert list(tmp_path.iterdir()) == []


class TestCommands:
    """``fer-zoo push`` and ``fer-zoo pull``; the Hub is the one that the client is set to."""

    @pytest.fixture(autouse=True)
    def _surroundings(self, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stand in an empty folder with a token in the environment."""
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)

    def test_there_and_back(self, hub: Hub, tmp_path: Path) -> None:
        """A push prints the commit, and a pull the folder, which has the name of the repository."""
        pushed = CliRunner().invoke(app, ["push", "mhan", "--repo-id", REPO_ID, "--private"])
        pulled = CliRunner().invoke(app, ["pull", REPO_ID])

        commit = hub.repositories[REPO_ID].branches["main"]
        assert pushed.stdout == f"{hub.endpoint}/{REPO_ID}/commit/{commit}\n"
        assert pulled.stdout == f"{tmp_path / 'mhan'}\n"
        assert {name: (tmp_path / "mhan" / name).read_bytes() for name in FILES} == all_files(ENTRY)

    def test_failure_ends_with_the_reason(self, tmp_path: Path) -> None:
        """A repository that does not exist is a message on stderr and exit code 2, without a traceback."""
        result = CliRunner().invoke(app, ["pull", "me/none"])

        assert result.exit_code == 2
        assert result.stderr.startswith("error: Cannot pull 'me/none': there is no such repository")
        assert list(tmp_path.iterdir()) == []


def test_other_answers_are_named(hub: Hub, tmp_path: Path) -> None:
    """An answer that has no class of its own is a HubError with its status."""
    with pytest.raises(HubError, match="the Hub answered 404 Sorry, we can't find the page"):
        pull("nobody", tmp_path / "copy", endpoint=hub.endpoint)
