"""Embedded models in the cache of the Hub."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import scan_cache_dir, try_to_load_from_cache
from typer.testing import CliRunner

from fer_zoo.cli import app
from fer_zoo.errors import CacheConflictError, UnknownNameError
from fer_zoo.hub import install
from fer_zoo.hub.files import all_files
from fer_zoo.registry import get_entry

REPOSITORY = "models--fer_zoo--mhan"
ENTRY = get_entry("mhan")
SHA256 = str(ENTRY.sha256)
FILES = all_files(ENTRY)

PROGRAM = """
import sys, torch, transformers, fer_zoo
model = transformers.AutoModelForImageClassification.from_pretrained("fer_zoo/mhan")
embedded = transformers.AutoModelForImageClassification.from_pretrained(fer_zoo.get_entry("mhan").folder)
ours, theirs = embedded.state_dict(), model.state_dict()
assert ours.keys() == theirs.keys() and all(torch.equal(value, theirs[name]) for name, value in ours.items())
pipe = transformers.pipeline("face-expression", model="fer_zoo/mhan", device="cpu")
faces = pipe(sys.argv[1])
assert faces == fer_zoo.pipeline("face-expression", model="fer_zoo/mhan", device="cpu")(sys.argv[1])
print(len(faces))
"""


def found(cache: Path) -> str | object | None:
    """Return where the client finds the weights without the network."""
    return try_to_load_from_cache(ENTRY.repo_id, "model.safetensors", cache_dir=cache)


def state(folder: Path) -> dict[str, tuple[int, bytes | str]]:
    """Return the time of the last change and the content of everything below a folder; links as they are."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mtime_ns,
            str(path.readlink()) if path.is_symlink() else path.read_bytes(),
        )
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def put_hub_snapshot(cache: Path) -> Path:
    """Lay a snapshot into the cache as a download from the Hub leaves it, and return the folder of the repository."""
    folder, commit = cache / REPOSITORY, "c" * 40
    snapshot = folder / "snapshots" / commit
    for parent in (snapshot, folder / "refs", folder / "blobs"):
        parent.mkdir(parents=True)
    (folder / "blobs" / "abc").write_text("{}")
    (snapshot / "config.json").symlink_to(Path("..", "..", "blobs", "abc"))
    (folder / "refs" / "main").write_text(commit)
    return folder


class TestLayout:
    """What lies in the cache."""

    def test_client_finds_every_file(self, tmp_path: Path) -> None:
        """The client's own scan finds one complete repository with one commit on main, and has nothing to remark."""
        snapshot = install("mhan", cache_dir=tmp_path)

        scan = scan_cache_dir(tmp_path)
        (repository,) = scan.repos
        (revision,) = repository.revisions
        assert scan.warnings == []
        assert repository.repo_id == "fer_zoo/mhan"
        assert (revision.snapshot_path, "main" in revision.refs) == (snapshot, True)
        assert {file.file_name: file.file_path.read_bytes() for file in revision.files} == FILES
        assert found(tmp_path) == str(snapshot / "model.safetensors")

    def test_contents_are_named_as_the_hub_names_them(self, tmp_path: Path) -> None:
        """Weights go by their sha256, and the blob of a text file by the name that git gives it."""
        snapshot = install("mhan", cache_dir=tmp_path)

        git_name = subprocess.run(
            ["git", "hash-object", "--no-filters", str(snapshot / "config.json")],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        assert (snapshot / "model.safetensors").readlink() == Path("..", "..", "blobs", SHA256)
        assert (snapshot / "config.json").readlink() == Path("..", "..", "blobs", git_name)

    def test_without_links_the_files_are_copied(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where the file system has no links the snapshot holds the files, as the client does it."""
        monkeypatch.setattr("fer_zoo.hub.cache.are_symlinks_supported", lambda _: False)

        snapshot = install("mhan", cache_dir=tmp_path)

        assert not any(path.is_symlink() for path in snapshot.iterdir())
        assert {path.name: path.read_bytes() for path in snapshot.iterdir()} == FILES


class TestAgain:
    """A cache that is not empty."""

    def test_second_time_changes_nothing(self, tmp_path: Path) -> None:
        """Installing again writes no file anew."""
        first = install("mhan", cache_dir=tmp_path)
        before = state(tmp_path)

        second = install("fer_zoo/mhan", cache_dir=tmp_path)

        assert second == first
        assert state(tmp_path) == before

    def test_damaged_file_is_mended(self, tmp_path: Path) -> None:
        """Installing again puts back what was damaged."""
        weights = install("mhan", cache_dir=tmp_path) / "model.safetensors"
        weights.resolve().write_bytes(b"damaged")

        install("mhan", cache_dir=tmp_path)

        assert weights.read_bytes() == FILES["model.safetensors"]

    def test_upgrade_replaces_what_was_installed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """When the package brings other files, main moves on to them."""
        with monkeypatch.context() as older:
            older.setattr("fer_zoo.hub.cache.all_files", lambda _: {**FILES, "README.md": b"an older card"})
            old = install("mhan", cache_dir=tmp_path)

        new = install("mhan", cache_dir=tmp_path)

        assert new != old
        assert found(tmp_path) == str(new / "model.safetensors")

    def test_snapshot_from_the_hub_is_never_overwritten(self, tmp_path: Path) -> None:
        """A download from the Hub stays as it is, and the error says how to make room."""
        put_hub_snapshot(tmp_path)
        before = state(tmp_path)

        with pytest.raises(CacheConflictError, match="hf cache rm model/fer_zoo/mhan") as caught:
            install("mhan", cache_dir=tmp_path)

        assert isinstance(caught.value, FileExistsError)
        assert state(tmp_path) == before

    def test_download_after_an_install_is_kept_too(self, tmp_path: Path) -> None:
        """When a download has moved main on from what was installed, main belongs to the Hub."""
        install("mhan", cache_dir=tmp_path)
        (tmp_path / REPOSITORY / "refs" / "main").write_text("c" * 40)

        with pytest.raises(CacheConflictError, match="it is left as it is"):
            install("mhan", cache_dir=tmp_path)

    @pytest.mark.parametrize("step", range(12))
    def test_stop_on_the_way_leaves_it_absent(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
        """Whichever write fails, the model is complete or absent, nothing half-written stays, and again mends it."""
        calls = iter(range(step))
        replace = Path.replace

        def fail_late(self: Path, target: Path) -> Path:
            if next(calls, None) is None:
                raise OSError(28, "No space left on device")
            return replace(self, target)

        with monkeypatch.context() as full:
            full.setattr(Path, "replace", fail_late)
            with pytest.raises(OSError, match="No space left"):
                install("mhan", cache_dir=tmp_path)

        assert (found(tmp_path) is None) == (step < 11)  # five blobs, five links, then main
        assert list(tmp_path.rglob("*.incomplete")) == []
        assert found_after(tmp_path) == FILES["model.safetensors"]


def found_after(cache: Path) -> bytes:
    """Install and return the weights that the client finds."""
    install("mhan", cache_dir=cache)
    return Path(str(found(cache))).read_bytes()


def test_unknown_model_is_refused(tmp_path: Path) -> None:
    """Only published models can be installed, and nothing is made for any other."""
    with pytest.raises(UnknownNameError, match="Unknown model 'resnet'"):
        install("resnet", cache_dir=tmp_path / "cache")

    assert list(tmp_path.iterdir()) == []


def test_command_prints_the_folder_and_reports_a_conflict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command prints where the model is; with a download from the Hub there it ends with 2 and the reason."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "one"))
    good = CliRunner().invoke(app, ["models", "install", "mhan"])
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "two"))
    put_hub_snapshot(tmp_path / "two")
    bad = CliRunner().invoke(app, ["models", "install", "mhan"])

    assert (good.exit_code, bad.exit_code) == (0, 2)
    assert Path(good.stdout.strip()).parent == tmp_path / "one" / REPOSITORY / "snapshots"
    assert bad.stderr.startswith("error: The cache has 'fer_zoo/mhan' from the Hub already")


@pytest.mark.slow
def test_plain_transformers_finds_it_offline(tmp_path: Path) -> None:
    """After an install ``from_pretrained`` and ``transformers.pipeline`` work by name without the network."""
    picture = Path(__file__).parents[2] / "examples" / "images" / "astronaut.png"
    install("mhan", cache_dir=tmp_path / "hub")

    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(picture)],
        env={**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"},
        check=False,
        capture_output=True,
        text=True,
    )

    assert result.returncode == 0, result.stderr
    assert result.stdout == "1\n"
