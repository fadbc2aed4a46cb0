"""Files beside nginx on the same machine, in interleaved rounds: `python -m bench.files` (`make bench-files`).

100 MB up and down by one client, and objects of 64 KiB by 16 connections (wrk): of nginx without any rights, of Monynha
with the rights of a member who reads and with those of the service key that writes. nginx does not wait for the disk,
Monynha does. Needs nginx and wrk; prints medians.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from uuid import uuid4

import httpx

LARGE_BYTES, SMALL_BYTES = 100 * 1024 * 1024, 64 * 1024
PORT, NGINX_PORT = 8791, 8798
SECONDS = 4
_NGINX = """
daemon off; worker_processes 1; user root; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{ access_log off; sendfile on; client_body_temp_path {folder}/temporary; client_max_body_size 0;
  server {{ listen 127.0.0.1:{port}; root {folder}/www; keepalive_requests 1000000; dav_methods PUT; }} }}
"""
_UPLOAD_SCRIPT = """
local file = io.open("{body}", "rb"); local body = file:read("*a"); file:close()
local number = 0
function request()
  number = number + 1
  return wrk.format("POST", "/storage/v1/object/bench/" .. os.time() .. "-" .. number,
    {{["authorization"] = "Bearer {token}", ["content-type"] = "application/octet-stream"}}, body)
end
"""


def stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a process."""
    process.terminate()
    process.wait(30)


def start_program(folder: Path, started: ExitStack) -> subprocess.Popen[bytes]:
    """Start Monynha with one worker and without limits, until `started` ends."""
    environment = {
        **os.environ,
        "MONYNHA_DATA_DIR": str(folder / "data"),
        "MONYNHA_PORT": str(PORT),
        "LOG_LEVEL": "warning",
        **{f"MONYNHA_LIMIT_{name}": "off" for name in ("API", "AUTH", "UPLOAD", "PUBLIC")},
    }
    process = subprocess.Popen([sys.executable, "-m", "monynha.app.cli", "serve"], env=environment)
    started.callback(stop, process)
    for _ in range(120):
        try:
            if httpx.get(f"http://127.0.0.1:{PORT}/readyz").status_code == 200:
                return process
        except httpx.HTTPError:
            time.sleep(0.5)
    raise SystemExit("the program did not start")


def start_nginx(folder: Path) -> subprocess.Popen[bytes]:
    """Start nginx on the folder `www`."""
    for name in ("www", "temporary"):
        (folder / name).mkdir()
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, port=NGINX_PORT))
    return subprocess.Popen(["nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)])


class Client:
    """The keys, a member of a project, and objects to read."""

    def __init__(self, folder: Path) -> None:
        self.url = f"http://127.0.0.1:{PORT}"
        command = [sys.executable, "-m", "monynha.app.cli", "keys", "--json", "--data-dir", str(folder / "data")]
        self.service_key = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["serviceRoleKey"]
        account = {"email": f"bench-{uuid4().hex[:8]}@example.com", "password": "correct horse battery"}
        session = httpx.post(f"{self.url}/auth/v1/signup", json=account).json()
        self.token = session["access_token"]
        project = httpx.post(f"{self.url}/api/v1/projects", json={"name": "Bench"}, headers=self.headers(self.token))
        self.folder = f"project-files/{project.json()['data']['id']}/{session['user']['id']}"
        bucket = {"name": "bench"}
        httpx.post(f"{self.url}/storage/v1/bucket", json=bucket, headers=self.headers(self.service_key))
        self.small = f"{self.url}/storage/v1/object/authenticated/{self.folder}/small"
        httpx.put(
            f"{self.url}/storage/v1/object/{self.folder}/small",
            content=(folder / "www" / "small").read_bytes(),
            headers={**self.headers(self.token), "content-type": "application/octet-stream"},
        ).raise_for_status()

    @staticmethod
    def headers(token: str) -> dict[str, str]:
        """Return the header of a token."""
        return {"authorization": f"Bearer {token}"}


def curl(*arguments: str) -> float:
    """Return how many megabytes a second curl transfers."""
    command = ["curl", "-sf", "-o", "/dev/null", "-w", "%{time_total}", *arguments]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return LARGE_BYTES / 1_000_000 / float(output)


def wrk(*arguments: str) -> float:
    """Return how many requests a second wrk completes; fail if one is not 2xx."""
    command = ["wrk", "-t1", "-c16", f"-d{SECONDS}", *arguments]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output:
        raise SystemExit(output)
    return float(re.findall(r"Requests/sec:\s+([\d.]+)", output)[0])


def measurements(folder: Path, client: Client) -> dict[str, Callable[[], float]]:
    """Return what is measured, by its name."""
    nginx, large = f"http://127.0.0.1:{NGINX_PORT}", str(folder / "www" / "large")
    key = ("-H", f"authorization: Bearer {client.service_key}", "-H", "content-type: application/octet-stream")
    own = f"{client.url}/storage/v1/object/bench/large"
    script = folder / "upload.lua"
    script.write_text(_UPLOAD_SCRIPT.format(body=folder / "www" / "small", token=client.service_key))
    return {
        "100 MB up, nginx (MB/s)": lambda: curl("-T", large, f"{nginx}/uploaded"),
        "100 MB up, Monynha (MB/s)": lambda: curl("-X", "PUT", *key, "-T", large, own),
        "100 MB down, nginx (MB/s)": lambda: curl(f"{nginx}/large"),
        "100 MB down, Monynha (MB/s)": lambda: curl(*key[:2], own),
        "64 KiB down, nginx (1/s)": lambda: wrk(f"{nginx}/small"),
        "64 KiB down, Monynha (1/s)": lambda: wrk("-H", f"authorization: Bearer {client.token}", client.small),
        "64 KiB up, Monynha (1/s)": lambda: wrk("-s", str(script), client.url),
    }


def resident_mb(process: subprocess.Popen[bytes], field: str) -> float:
    """Return a memory value of /proc in megabytes."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.findall(rf"{field}:\s+(\d+)", status)[0]) / 1000


def main() -> None:
    """Measure in rounds and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    if missing := [name for name in ("nginx", "wrk", "curl") if shutil.which(name) is None]:
        raise SystemExit(f"needs {', '.join(missing)}")
    with TemporaryDirectory() as name, ExitStack() as started:
        folder = Path(name)
        folder.chmod(0o755)
        started.callback(stop, start_nginx(folder))
        for file_name, size in (("large", LARGE_BYTES), ("small", SMALL_BYTES)):
            (folder / "www" / file_name).write_bytes(bytes(range(256)) * (size // 256))
        program = start_program(folder, started)
        before = resident_mb(program, "VmRSS")
        measured = measurements(folder, Client(folder))
        results: dict[str, list[float]] = {name: [] for name in measured}
        for _ in range(rounds):
            for name, measure in measured.items():
                results[name].append(measure())
        for name, values in results.items():
            print(f"{name:32} {median(values):10,.0f}")
        print(f"{'memory before, highest (MB)':32} {before:10,.0f} {resident_mb(program, 'VmHWM'):,.0f}")


if __name__ == "__main__":
    main()
