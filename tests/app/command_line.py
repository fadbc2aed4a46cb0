"""How tests run the commands of `monynha`: alone, or beside a program that serves."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import httpx
from cyclopts import App

from tests.journeys.program import CLI, ROOT, Program

TIMEOUT_S = 60


def command_names(app: App) -> list[str]:
    """Return the names of all commands, those of a group as `group command`."""
    names: list[str] = []
    for name in app:
        if not name.startswith("-"):
            inner = command_names(app[name])
            names += [f"{name} {inner_name}" for inner_name in inner] if inner else [name]
    return sorted(names)


def run_monynha(*arguments: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the root directory, with nothing of our own environment."""
    return subprocess.run(
        [*CLI, *arguments],
        input=stdin,
        cwd="/",
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src"), **environ},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def run_command(program: Program, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command on the data folder of a program."""
    return run_monynha(*arguments, "--data-dir", str(program.data_dir), stdin=stdin)


def sign_up(program: Program, name: str, password: str) -> str:
    """Create an account, and return its email address."""
    email = f"{name.lower()}@example.com"
    body = {"name": name, "email": email, "password": password}
    httpx.post(f"{program.url}/api/v1/users", json=body, timeout=20).raise_for_status()
    return email


def sign_in(program: Program, email: str, password: str) -> httpx.Response:
    """Return the response to a sign-in."""
    body = {"email": email, "password": password}
    return httpx.post(f"{program.url}/auth/v1/token?grant_type=password", json=body, timeout=20)


def fetch_data(program: Program, token: str, path: str) -> list[dict[str, Any]]:
    """Return the rows that a user sees."""
    headers = {"authorization": f"Bearer {token}"}
    response = httpx.get(f"{program.url}/api/v1{path}", headers=headers, timeout=20)
    data: list[dict[str, Any]] = response.json()["data"]
    return data
