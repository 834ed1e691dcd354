"""
Run a command beside a PostgreSQL of its own, on a free port, and stop that afterwards.

    python tools/with_postgres.py COMMAND ...

The command gets OPENKAP_DATABASE. PostgreSQL refuses to run as root, so root runs it as the user `postgres`
that Debian's package makes. The role of the tests is no superuser; it may make databases, as Django's tests do.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path


def main(command: list[str]) -> int:
    """The exit status of the command."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="openkap-postgres-"))
    data, port = folder / "data", _free_port()
    as_user = _other_user(folder)

    def run(*arguments: str) -> None:
        subprocess.run(arguments, check=True, cwd=folder, stdout=subprocess.DEVNULL, **as_user)

    try:
        run(f"{programs}/initdb", "--auth=trust", "--encoding=UTF8", "--username=postgres", "--pgdata", str(data))
        options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} -c max_connections=200"
        run(f"{programs}/pg_ctl", "start", "-w", "-D", str(data), "-l", str(folder / "log"), "-o", options)
        try:
            ask = [f"{programs}/psql", "-q", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-c"]
            run(*ask, "CREATE ROLE openkap LOGIN CREATEDB PASSWORD 'openkap'")
            run(*ask, "CREATE DATABASE openkap OWNER openkap")
            address = f"postgresql://openkap:openkap@127.0.0.1:{port}/openkap"
            return subprocess.run(command, check=False, env={**os.environ, "OPENKAP_DATABASE": address}).returncode
        finally:
            run(f"{programs}/pg_ctl", "stop", "-w", "-m", "immediate", "-D", str(data))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    """The folder with initdb and pg_ctl: the newest of Debian's versions, or what is on the path."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return folder
    found = shutil.which("initdb")
    if found is None:
        raise SystemExit("PostgreSQL is not installed: apt-get install postgresql, or `make dev` as root.")
    return Path(found).parent


def _other_user(folder: Path) -> dict[str, object]:
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
