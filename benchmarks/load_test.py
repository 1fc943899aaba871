"""Load the web page's HTTP API with many clients at once, bad uploads among them.

    python benchmarks/load_test.py [--clients 16] [--seconds 60]

Starts ``fer-zoo demo`` at a free port of this machine. Each client sends one picture after the other: usually one with
a face, every fifth time a landscape, a broken file, an upload that is too large or one that would unfold to 100 million
pixels. Prints what was answered, the percentiles of the latency (upload, queue and answer together), the server's
memory and its temporary files; ends with status 1 if an answer was wrong or missing, or if something is left behind.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import count
from pathlib import Path

import httpx
import numpy as np
from PIL import Image, ImageDraw

PICTURE = Path(__file__).parents[1] / "examples" / "images" / "astronaut.png"
KEEP_SECONDS = 20  # longer than any request waits
SERVER = (sys.executable, "-c", "from fer_zoo.cli import app; app()", "demo", "--port", "0", "--max-megabytes", "2")
TIMEOUT = 300.0  # seconds for one answer; longer means stuck


def encode(picture: Image.Image) -> bytes:
    """Return a picture as PNG."""
    file = BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def draw_landscape() -> bytes:
    """Return a drawn picture without a face."""
    picture = Image.new("RGB", (640, 400), "skyblue")
    ImageDraw.Draw(picture).polygon([(0, 400), (200, 150), (420, 320), (640, 220), (640, 400)], fill="darkgreen")
    return encode(picture)


#: What is uploaded, and what the answer should be.
UPLOADS = {
    "face": PICTURE.read_bytes(),
    "no face": draw_landscape(),
    "broken": PICTURE.read_bytes()[:5000],
    "too large": b"\x89PNG" + b"\0" * 3_000_000,
    "bomb": encode(Image.new("1", (10_000, 10_000))),
}
BAD_TURNS = ("no face", "broken", "too large", "bomb")


def ask(client: httpx.Client, content: bytes) -> str:
    """Upload a file, wait for its answer, and say in a word what it was."""
    upload = client.post("/gradio_api/upload", files={"files": ("picture.png", content)})
    if upload.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
        return "too large"
    file = {"path": upload.raise_for_status().json()[0], "meta": {"_type": "gradio.FileData"}}
    joined = client.post("/gradio_api/call/predict", json={"data": [file, "mhan", "center_face", 1]}).raise_for_status()
    events = client.get(f"/gradio_api/call/predict/{joined.json()['event_id']}").raise_for_status().text
    kind, data = re.findall(r"event: (.*)\ndata: (.*)", events)[-1]
    if kind != "complete":
        return f"event {kind}: {data}"
    (answer,) = json.loads(data)
    if answer["error"]:
        if "above the limit" in answer["error"]:
            return "bomb"
        return "broken" if answer["error"].startswith("Cannot read image") else str(answer["error"])
    return "face" if [face["label"] for face in answer["faces"]] == ["happiness"] else "no face"


def run_client(number: int, url: str, end: float) -> list[tuple[str, str, float]]:
    """Send pictures until the time is up; return what was sent, what was answered and the seconds that took."""
    rows = []
    with httpx.Client(base_url=url, timeout=TIMEOUT) as client:
        for turn in count(number):
            if time.monotonic() > end:
                return rows
            sent = BAD_TURNS[turn // 5 % len(BAD_TURNS)] if turn % 5 == 0 else "face"
            start = time.monotonic()
            try:
                answer = ask(client, UPLOADS[sent])
            except httpx.HTTPError as error:
                answer = f"{type(error).__name__}: {error}"
            rows.append((sent, answer, time.monotonic() - start))
    return rows


def resident_megabytes(pid: int) -> float:
    """Return the memory that a process holds, in 1,000,000 bytes (Linux)."""
    (kilobytes,) = re.findall(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(kilobytes) * 1024 / 1e6


def measure(process: subprocess.Popen[str], folder: Path, url: str, clients: int, seconds: float) -> bool:
    """Run the clients, print the figures, and return whether all was right."""
    with httpx.Client(base_url=url, timeout=TIMEOUT) as client:
        for _ in range(3):
            for content in UPLOADS.values():
                ask(client, content)
    before = resident_megabytes(process.pid)
    start = time.monotonic()
    with ThreadPoolExecutor(clients + 1) as pool:
        running = [pool.submit(run_client, i, url, start + seconds) for i in range(clients)]
        middle = pool.submit(lambda: (time.sleep(seconds / 2), resident_megabytes(process.pid))[1])
        rows = [row for client_rows in running for row in client_rows.result()]
    took = time.monotonic() - start
    after = resident_megabytes(process.pid)
    time.sleep(2 * KEEP_SECONDS)  # uploads expire
    uploads = [path for path in folder.rglob("picture.png") if path.is_file()]

    wrong = Counter(f"{sent} -> {answer}" for sent, answer, _ in rows if sent != answer)
    print(f"{len(rows)} requests of {clients} clients in {took:.1f} s, {len(rows) / took:.1f} a second")
    for sent in UPLOADS:
        times = [row_seconds for row_sent, _, row_seconds in rows if row_sent == sent]
        if times:
            half, most, nearly_all = np.percentile(times, [50, 95, 99])
            print(
                f"{sent:>10}: {len(times):5} requests, seconds: median {half:.2f}, 95 % {most:.2f}, 99 % "
                f"{nearly_all:.2f}, longest {max(times):.2f}"
            )
    print(f"wrong or missing answers: {sum(wrong.values())} {dict(wrong) if wrong else ''}")
    print(f"server's memory: {before:.0f} MB before, {middle.result():.0f} MB halfway, {after:.0f} MB after")
    print(f"uploads left on disk {2 * KEEP_SECONDS} s later: {len(uploads)}")
    return not wrong and not uploads


def main() -> None:
    """Start a server, load it, stop it, and see what it leaves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "TMPDIR": folder, "HF_HUB_OFFLINE": "1"}
        command = [*SERVER, "--keep-seconds", str(KEEP_SECONDS)]
        process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None  # noqa: S101 - for type checkers
        url = process.stdout.readline().split()[2]
        is_right = measure(process, Path(folder), url, options.clients, options.seconds)
        process.send_signal(signal.SIGTERM)
        status = process.wait(timeout=60)
        left = list(Path(folder).glob("fer_zoo_demo_*"))
        print(f"after SIGTERM: exit status {status}, folders left: {len(left)}")
    sys.exit(0 if is_right and status == 0 and not left else 1)


if __name__ == "__main__":
    main()
