"""What the S3 store makes of what an endpoint answers, or fails to answer."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from registry.errors import Changed, Exists, Missing, RegistryError, Unavailable
from registry.stores import Store, s3
from registry.stores.s3 import S3Store
from tests.registry.endpoint import Answer, Endpoint

pytestmark = pytest.mark.slow

_KEY = "live/production/support-triage.json"
_URL = "s3://bucket/some/prefix"
_EMPTY_LISTING = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
_READ = Answer(200, body=b"data", headers={"ETag": '"e1"'})
_WRITTEN = Answer(200, headers={"ETag": '"e1"'})


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    with Endpoint() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setattr(s3, "_CONFLICT_PAUSES_S", (0.0, 0.0, 0.0))
        yield server
        server.closing.set()
        server.shutdown()


@pytest.fixture
def store() -> S3Store:
    """A store without a second try, so that each answer is seen as it is."""
    return S3Store("bucket", "some/prefix", read_timeout_s=5, attempts=1)


_USES: dict[str, Callable[[Store], object]] = {
    "GetObject": lambda store: store.get(_KEY),
    "PutObject": lambda store: store.create(_KEY, b"data"),
    "PutObject if unchanged": lambda store: store.replace(_KEY, b"data", expect='"e0"'),
    "PutObject whatever is there": lambda store: store.replace(_KEY, b"data", expect=None),
    "ListObjectsV2": lambda store: list(store.entries(_KEY)),
    "DeleteObject": lambda store: store.delete(_KEY),
}
_every_use = pytest.mark.parametrize("name", _USES)


def _fails(store: Store, name: str) -> str:
    """The message of the Unavailable that a use ends in; one line, naming store, operation and key."""
    with pytest.raises(Unavailable) as caught:
        _USES[name](store)
    message = caught.value.message
    assert "\n" not in message
    assert message.startswith(f"{_URL}: ")
    assert f" on {name.split()[0]} {_KEY}: " in message
    return message.removeprefix(f"{_URL}: ").partition(" on ")[0]


@_every_use
def test_access_denied_is_unavailable_and_named(endpoint: Endpoint, store: S3Store, name: str) -> None:
    endpoint.answer(Answer(403, "AccessDenied", "Access Denied"))
    assert _fails(store, name) == "AccessDenied"


def test_the_message_of_a_refusal_reads_as_one_plain_line(endpoint: Endpoint, store: S3Store) -> None:
    endpoint.answer(Answer(403, "AccessDenied", "User is not\n   authorized"))
    with pytest.raises(Unavailable) as caught:
        store.create("blobs/x", b"x")
    assert caught.value.message == f"{_URL}: AccessDenied on PutObject blobs/x: User is not authorized"


def test_access_denied_on_reading_says_that_the_object_may_be_missing(endpoint: Endpoint, store: S3Store) -> None:
    endpoint.answer(Answer(403, "AccessDenied", "Access Denied"))
    with pytest.raises(Unavailable, match="or there is no such object"):
        store.get(_KEY)


@_every_use
def test_a_bucket_that_does_not_exist_is_unavailable_and_said_so(endpoint: Endpoint, store: S3Store, name: str) -> None:
    endpoint.answer(Answer(404, "NoSuchBucket", "whatever"))
    with pytest.raises(Unavailable, match="the bucket 'bucket' does not exist"):
        _USES[name](store)


@_every_use
@pytest.mark.parametrize(("status", "code"), [(503, "SlowDown"), (500, "InternalError"), (400, "ExpiredToken")])
def test_a_server_error_or_expired_token_is_unavailable_and_named(
    endpoint: Endpoint, store: S3Store, name: str, status: int, code: str
) -> None:
    endpoint.answer(Answer(status, code, "whatever"))
    assert _fails(store, name) == code


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("GetObject", Missing),
        ("PutObject", Unavailable),
        ("PutObject if unchanged", Changed),
        ("PutObject whatever is there", Unavailable),
    ],
)
def test_an_object_that_does_not_exist_is_what_each_method_says_of_it(
    endpoint: Endpoint, store: S3Store, name: str, expected: type[RegistryError]
) -> None:
    endpoint.answer(Answer(404, "NoSuchKey", "whatever"))
    with pytest.raises(expected):
        _USES[name](store)


def test_deleting_an_object_that_a_server_does_not_know_is_no_error(endpoint: Endpoint, store: S3Store) -> None:
    endpoint.answer(Answer(404, "NoSuchKey", "whatever"))
    store.delete(_KEY)


def test_a_failed_condition_is_exists_for_a_create_and_changed_for_a_swap(endpoint: Endpoint, store: S3Store) -> None:
    endpoint.answer(Answer(412, "PreconditionFailed", "whatever"))
    with pytest.raises(Exists):
        store.create(_KEY, b"data")
    with pytest.raises(Changed):
        store.replace(_KEY, b"data", expect='"e0"')


def test_an_unchanged_object_is_none(endpoint: Endpoint, store: S3Store) -> None:
    endpoint.answer(Answer(304))
    assert store.get(_KEY, unless='"e0"') is None


_CONFLICT = Answer(409, "ConditionalRequestConflict", "try again")


@pytest.mark.parametrize("name", ["PutObject", "PutObject if unchanged"])
def test_a_conflict_with_another_write_is_tried_again(endpoint: Endpoint, store: S3Store, name: str) -> None:
    endpoint.answer(_CONFLICT, _CONFLICT, _WRITTEN)
    assert _USES[name](store) == '"e1"'


def test_a_conflict_without_end_is_changed_for_a_swap_and_unavailable_for_a_create(
    endpoint: Endpoint, store: S3Store
) -> None:
    endpoint.answer(_CONFLICT)
    assert _fails(store, "PutObject") == "ConditionalRequestConflict"
    with pytest.raises(Changed):
        store.replace(_KEY, b"data", expect='"e0"')


@_every_use
def test_a_passing_server_error_is_tried_again_unseen(endpoint: Endpoint, name: str) -> None:
    endpoint.answer(Answer(503, "SlowDown", "whatever"), Answer(200, body=_EMPTY_LISTING, headers=_WRITTEN.headers))
    _USES[name](S3Store("bucket", "some/prefix", attempts=2))
    assert len(endpoint.requests) == 2


def test_a_create_whose_answer_was_lost_is_seen_as_exists_by_its_own_retry(endpoint: Endpoint) -> None:
    endpoint.answer(Answer(503, "SlowDown", "it was written"), Answer(412, "PreconditionFailed", "whatever"))
    with pytest.raises(Exists):
        S3Store("bucket", "some/prefix", attempts=2).create(_KEY, b"data")


def test_an_answer_that_breaks_off_is_read_again(endpoint: Endpoint, store: S3Store) -> None:
    broken = Answer(200, body=b"da", headers={"ETag": '"e1"'}, cut_off=True)
    endpoint.answer(broken, _READ)
    stored = store.get(_KEY)
    assert stored is not None
    assert stored.data == b"data"
    endpoint.answer(broken)
    assert _fails(store, "GetObject") in {"ResponseStreamingError", "IncompleteReadError"}


@_every_use
def test_an_endpoint_that_does_not_answer_is_given_up_in_time(endpoint: Endpoint, name: str) -> None:
    endpoint.answer(Answer(200, after_s=30))
    began = time.monotonic()
    assert _fails(S3Store("bucket", "some/prefix", read_timeout_s=0.1, attempts=2), name) == "ReadTimeoutError"
    assert time.monotonic() - began < 5


def test_a_silent_endpoint_is_given_up_within_a_minute_unless_told_otherwise() -> None:
    limits = inspect.signature(S3Store).parameters
    connect_s, read_s, attempts = (limits[name].default for name in ("connect_timeout_s", "read_timeout_s", "attempts"))
    pauses_s = sum(2**attempt for attempt in range(attempts - 1))
    assert attempts * max(connect_s, read_s) + pauses_s <= 60


@_every_use
def test_an_endpoint_that_is_not_there_is_unavailable(
    monkeypatch: pytest.MonkeyPatch, store: S3Store, name: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert _fails(store, name) == "EndpointConnectionError"


def test_missing_credentials_are_unavailable_and_named(store: S3Store) -> None:
    assert _fails(store, "PutObject") == "NoCredentialsError"


def test_a_profile_that_does_not_exist_is_unavailable_and_named(
    monkeypatch: pytest.MonkeyPatch, store: S3Store
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert _fails(store, "PutObject") == "ProfileNotFound"


def test_an_endpoint_that_is_no_url_is_unavailable(monkeypatch: pytest.MonkeyPatch, store: S3Store) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "not a url")
    assert _fails(store, "PutObject") == "ValueError"


@pytest.mark.parametrize("bucket", ["", "no/such", "a b"])
def test_a_bucket_name_that_cannot_be_is_unavailable_in_one_line(endpoint: Endpoint, bucket: str) -> None:
    with pytest.raises(Unavailable) as caught:
        S3Store(bucket, "p").create(_KEY, b"data")
    assert "ParamValidationError" in caught.value.message
    assert "\n" not in caught.value.message
    assert endpoint.requests == []


@pytest.mark.parametrize("name", ["GetObject", "PutObject", "ListObjectsV2"])
@pytest.mark.parametrize("body", [b"<html><p>Please log in", b"<html/>", b""], ids=["HTML", "XHTML", "nothing"])
def test_an_answer_that_is_not_s3s_is_unavailable(endpoint: Endpoint, store: S3Store, name: str, body: bytes) -> None:
    endpoint.answer(Answer(200, body=body))
    _fails(store, name)


@pytest.mark.parametrize(("prefix", "path"), [("", "/bucket/blobs/x"), ("a/b", "/bucket/a/b/blobs/x")])
def test_keys_lie_under_the_prefix(endpoint: Endpoint, prefix: str, path: str) -> None:
    endpoint.answer(Answer(204))
    S3Store("bucket", prefix).delete("blobs/x")
    assert endpoint.requests == [f"DELETE {path}"]


def test_a_listing_is_in_order_though_the_server_lists_otherwise(endpoint: Endpoint) -> None:
    keys = ["p/live/p/x.json", "p/live-2/x.json"]
    items = "".join(f"<Contents><Key>{key}</Key><Size>1</Size></Contents>" for key in keys)
    endpoint.answer(Answer(200, body=_EMPTY_LISTING.replace(b"<Is", items.encode() + b"<Is")))
    assert [entry.key for entry in S3Store("bucket", "p").entries("")] == ["live-2/x.json", "live/p/x.json"]


def test_threads_that_use_a_new_store_at_once_all_succeed(endpoint: Endpoint, store: S3Store) -> None:
    with ThreadPoolExecutor(16) as pool:
        endpoint.answer(_READ)
        assert {stored.data for stored in pool.map(store.get, [_KEY] * 16) if stored} == {b"data"}


def test_a_forked_child_uses_the_store_with_connections_of_its_own(endpoint: Endpoint, store: S3Store) -> None:
    endpoint.answer(_READ)
    store.get(_KEY)
    child = os.fork()
    if child == 0:
        stored = store.get(_KEY)
        os._exit(0 if stored is not None and stored.data == b"data" else 1)
    assert os.waitpid(child, 0)[1] == 0
    store.get(_KEY)
    before, forked, after = endpoint.ports
    assert before == after != forked


def test_opening_a_store_does_not_import_boto3() -> None:
    script = (
        "import sys; from registry.stores import open_store; open_store('s3://b/p'); print('botocore' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert answer.stdout == "False\n"
