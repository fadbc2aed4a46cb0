"""Sign-ins and signed-in users beside GoTrue, in interleaved rounds: `python -m bench.auth` (`make bench-auth`).

The limit of sign-ins is how many passwords all cores can hash with the program's Argon2id parameters, and nothing else
to do. While sign-ins run, another user's reads are timed. GoTrue is measured if `--gotrue` names its binary; it needs
PostgreSQL's own binaries (`--postgres-bin`) for a database of its own. Needs wrk; prints medians.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

import httpx
from argon2 import PasswordHasher
from joserfc import jwt
from joserfc.jwk import OctKey

from monynha.domains.auth.tokens.access_tokens import AccessTokens

PORT, GOTRUE_PORT, POSTGRES_PORT = 8795, 8796, 8797
SECONDS = 5
EMAIL, PASSWORD = "bench@example.com", "correct horse battery"
SECRET = "a secret of the benchmark, of forty letters"
_SIGN_IN_SCRIPT = """
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.body = '{{"email": "{email}", "password": "{password}"}}'
"""


@dataclass(frozen=True)
class Server:
    """A server of the auth wire: where it is, and the access token of a user who has signed up there."""

    name: str
    url: str
    token: str


def stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a process."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()


def wait_for(url: str) -> None:
    """Wait until an address answers 200."""
    for _ in range(240):
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.25)
    raise SystemExit(f"{url} does not answer")


def sign_up(url: str) -> str:
    """Sign the user of the benchmark up and return the access token."""
    response = httpx.post(f"{url}/signup", json={"email": EMAIL, "password": PASSWORD}).raise_for_status()
    token: str = response.json()["access_token"]
    return token


def start_monynha(folder: Path, started: ExitStack) -> Server:
    """Start Monynha with one worker and without limits, until `started` ends."""
    environment = {
        **os.environ,
        "MONYNHA_DATA_DIR": str(folder / "data"),
        "MONYNHA_PORT": str(PORT),
        "LOG_LEVEL": "warning",
        **{f"MONYNHA_LIMIT_{name}": "off" for name in ("API", "AUTH")},
    }
    process = subprocess.Popen([sys.executable, "-m", "monynha.app.cli", "serve"], env=environment)
    started.callback(stop, process)
    wait_for(f"http://127.0.0.1:{PORT}/readyz")
    url = f"http://127.0.0.1:{PORT}/auth/v1"
    return Server("Monynha", url, sign_up(url))


def start_gotrue(folder: Path, binary: Path, postgres_bin: Path, started: ExitStack) -> Server:
    """Start GoTrue as its documentation says, on a PostgreSQL of its own, until `started` ends."""
    cluster = folder / "gotrue-database"
    cluster.mkdir()
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(cluster, user)
    subprocess.run(
        [postgres_bin / "initdb", "-D", cluster, "-U", "postgres", "--auth=trust"],
        check=True,
        capture_output=True,
        user=user,
    )
    command = [str(postgres_bin / "postgres"), "-D", str(cluster), "-p", str(POSTGRES_PORT), "-k", str(cluster)]
    started.callback(stop, subprocess.Popen(command, stderr=subprocess.DEVNULL, user=user))
    create_schema = [str(postgres_bin / "psql"), "-h", "127.0.0.1", "-p", str(POSTGRES_PORT), "-U", "postgres"]
    while subprocess.run([*create_schema, "-c", "create schema auth"], capture_output=True).returncode:
        time.sleep(0.25)
    environment = {
        **os.environ,
        "GOTRUE_JWT_SECRET": SECRET,
        "GOTRUE_JWT_EXP": "3600",
        "GOTRUE_DB_DRIVER": "postgres",
        # Without it a connection is opened for most requests.
        "GOTRUE_DB_MAX_POOL_SIZE": "16",
        "DATABASE_URL": f"postgres://postgres@127.0.0.1:{POSTGRES_PORT}/postgres?sslmode=disable&search_path=auth",
        "GOTRUE_API_HOST": "127.0.0.1",
        "PORT": str(GOTRUE_PORT),
        "API_EXTERNAL_URL": f"http://127.0.0.1:{GOTRUE_PORT}",
        "GOTRUE_SITE_URL": "http://127.0.0.1:3000",
        "GOTRUE_MAILER_AUTOCONFIRM": "true",
        "GOTRUE_LOG_LEVEL": "error",
    }
    folder_of_migrations = binary.parent / "migrations"
    if folder_of_migrations.is_dir():
        environment["GOTRUE_DB_MIGRATIONS_PATH"] = str(folder_of_migrations)
    subprocess.run([binary, "migrate"], env=environment, check=True, capture_output=True, cwd=folder)
    process = subprocess.Popen([binary, "serve"], env=environment, cwd=folder, stdout=subprocess.DEVNULL)
    started.callback(stop, process)
    url = f"http://127.0.0.1:{GOTRUE_PORT}"
    wait_for(f"{url}/health")
    return Server("GoTrue", url, sign_up(url))


def wrk(*arguments: str, connections: int = 32) -> float:
    """Return how many requests a second wrk completes; fail if one is not 2xx."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}", "--timeout", "20", *arguments]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output:
        raise SystemExit(output)
    return float(re.findall(r"Requests/sec:\s+([\d.]+)", output)[0])


def hashes_a_second() -> float:
    """Return how many passwords all cores hash in a second, with the parameters of `PasswordHasher`."""
    hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
    threads = os.cpu_count() or 2
    ends_at = time.perf_counter() + SECONDS

    def count_hashes() -> int:
        count = 0
        while time.perf_counter() < ends_at:
            hasher.hash(PASSWORD)
            count += 1
        return count

    with ThreadPoolExecutor(threads) as executor:
        return sum(executor.map(lambda _: count_hashes(), range(threads))) / SECONDS


def read_p99_ms(server: Server, while_running: subprocess.Popen[bytes] | None = None) -> float:
    """Return the p99 of one user's reads of their account, 50 a second, until the process ends or for some seconds."""
    durations: list[float] = []
    ends_at = time.perf_counter() + SECONDS
    with httpx.Client(headers={"authorization": f"Bearer {server.token}"}, timeout=30) as client:
        client.get(f"{server.url}/user")
        while while_running.poll() is None if while_running else time.perf_counter() < ends_at:
            began_at = time.perf_counter()
            client.get(f"{server.url}/user").raise_for_status()
            durations.append(time.perf_counter() - began_at)
            time.sleep(0.02)
    return quantiles(durations, n=100)[-1] * 1000


def p99_while_signing_in(server: Server, script: Path) -> float:
    """Return the p99 of reads while 16 clients sign in without a pause."""
    url = f"{server.url}/token?grant_type=password"
    command = ["wrk", "-t1", "-c16", f"-d{SECONDS}", "--timeout", "20", "-s", str(script), url]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        return read_p99_ms(server, process)


def token_check_us(*, is_cached: bool) -> float:
    """Return how long the check of an access token takes in microseconds."""
    now = int(time.time())
    tokens = AccessTokens(SECRET, issuer="https://example.com/auth/v1", ttl_s=3600)
    count = 5_000
    claims = {
        "iss": "https://example.com/auth/v1",
        "aud": "authenticated",
        "role": "authenticated",
        "exp": now + 3600,
        "iat": now,
        "email": EMAIL,
        "app_metadata": {"provider": "email", "providers": ["email"]},
        "user_metadata": {"name": "Bench"},
        "aal": "aal1",
        "session_id": "7b9c5d7e-1d0f-4f6f-8c8b-1f1d0c6b2a10",
    }
    texts = [_signed({**claims, "sub": f"00000000-0000-4000-8000-{number:012}"}) for number in range(count)]
    if is_cached:
        for text in texts:
            tokens.verify(text)
    began_at = time.perf_counter()
    for text in texts:
        tokens.verify(text)
    return (time.perf_counter() - began_at) / count * 1e6


def _signed(claims: dict[str, object]) -> str:
    return jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, OctKey.import_key(SECRET.encode()))


def measurements(servers: list[Server], script: Path) -> dict[str, Callable[[], float]]:
    """Return what is measured, by its name."""
    measured: dict[str, Callable[[], float]] = {"Argon2id, all cores (1/s)": hashes_a_second}
    for server in servers:
        measured |= {
            f"sign-ins, {server.name} (1/s)": partial(
                wrk, "-s", str(script), f"{server.url}/token?grant_type=password", connections=16
            ),
            f"GET /user, {server.name} (1/s)": partial(
                wrk, "-H", f"authorization: Bearer {server.token}", f"{server.url}/user"
            ),
            f"GET /user, idle, {server.name} (p99, ms)": partial(read_p99_ms, server),
            f"GET /user, others sign in, {server.name} (p99, ms)": partial(p99_while_signing_in, server, script),
        }
    measured["token check, first sight (µs)"] = partial(token_check_us, is_cached=False)
    measured["token check, cached (µs)"] = partial(token_check_us, is_cached=True)
    return measured


def main() -> None:
    """Measure in rounds and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--gotrue", type=Path, help="the binary of GoTrue, with its folder `migrations` beside it")
    parser.add_argument("--postgres-bin", type=Path, default=Path("/usr/lib/postgresql/15/bin"))
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("needs wrk")
    with TemporaryDirectory() as name, ExitStack() as started:
        folder = Path(name)
        folder.chmod(0o755)
        script = folder / "sign_in.lua"
        script.write_text(_SIGN_IN_SCRIPT.format(email=EMAIL, password=PASSWORD))
        servers = [start_monynha(folder, started)]
        if options.gotrue:
            servers.append(start_gotrue(folder, options.gotrue.resolve(), options.postgres_bin, started))
        measured = measurements(servers, script)
        results: dict[str, list[float]] = {name: [] for name in measured}
        for _ in range(options.rounds):
            for name, measure in measured.items():
                results[name].append(measure())
        for name, values in results.items():
            print(f"{name:45} {median(values):10,.1f}")


if __name__ == "__main__":
    main()
