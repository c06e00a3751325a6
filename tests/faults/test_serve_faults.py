"""`serve` on a full disk, and with its store away: nothing acknowledged is lost, and it says how it is."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import httpx2
import pytest

from tests.builders import open_registry
from tests.faults.disks import small_disk
from tests.telemetry.otlp import Sent, protobuf
from tests.telemetry.served import CHAT, Application, ingest_token, kept, serving

pytestmark = pytest.mark.slow

PROTOBUF = {"content-type": "application/x-protobuf"}


def _post(url: str, first: int, count: int = 1) -> httpx2.Response:
    body = protobuf(*(Sent(first + number, attributes=CHAT) for number in range(count)))
    return httpx2.post(url, content=body, headers=PROTOBUF)


def test_on_a_full_disk_senders_are_asked_to_come_again_and_once_there_is_room_all_goes_on(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small") as disk:
        registry = open_registry(disk.folder)
        with serving(disk.folder, "--no-auth") as served:
            assert _post(served.url, 1).status_code == 200
            disk.fill()
            refused = _post(served.url, 100, 500)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
            assert httpx2.get(served.started["health"]).status_code == 503
            disk.free()
            assert _post(served.url, 2).status_code == 200
            assert httpx2.get(served.started["health"]).status_code == 200
            assert served.stop()[0] == 0
        assert kept(disk.folder, registry) == ["0000000000000001", "0000000000000002"]
        registry.database.close()


def test_with_the_store_away_everything_is_taken_and_waits_in_the_spool(tmp_path: Path) -> None:
    registry = open_registry(tmp_path)
    token = ingest_token(registry)
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        endpoint = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    away = {
        "AGENT_DEPLOY_STORE": "s3://bucket/prefix", "AWS_ENDPOINT_URL_S3": endpoint, "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
    }  # fmt: skip
    with serving(tmp_path, **away) as served:
        application = Application(served.url, token)
        for _ in range(5):
            application.call()
        code, logged = served.stop()
    assert (code, len(application.acknowledged)) == (0, 5)
    assert "left in the spool" in [json.loads(one)["event"] for one in logged.splitlines()]
    assert kept(tmp_path, registry) == sorted(application.acknowledged)
    with serving(tmp_path) as served:  # the store is back
        assert served.stop()[0] == 0
    assert list((tmp_path / ".agent-deploy/facts/spool").iterdir()) == []
    assert kept(tmp_path, registry) == sorted(application.acknowledged)
