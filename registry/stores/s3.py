"""A store in an S3 bucket, of Amazon's or of any server that honours conditional writes. All of boto3 is in here.

Conditions are S3's own: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from textwrap import shorten
from typing import Any

from registry.errors import Changed, Exists, Missing, Unavailable
from registry.stores import Entry, Stored

_CONFLICT_PAUSES_S = (0.1, 0.2, 0.4, 0.8, 1.6)  # the longest that each is; what it is, is random
_BODY_ATTEMPTS = 3
_TEXT_LENGTH = 300
_NO_SUCH_KEY = ("NoSuchKey", "NotFound", "404")
_NOT_MODIFIED = 304
_FORBIDDEN = 403
_NOT_FOUND = 404
_CONFLICT = 409
_PRECONDITION_FAILED = 412

_making_client = threading.Lock()


def _after_fork() -> None:
    # A thread of the parent may have held the lock; no thread of the child does.
    global _making_client
    _making_client = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)


class S3Store:
    """Objects under `prefix` in `bucket`. A token is the object's ETag, as S3 gave it.

    Endpoint, region and credentials come the ordinary boto3 ways: environment, profile, instance role. A request is
    tried `attempts` times, each bounded by the two time-outs, so a silent endpoint is given up in under a minute.
    """

    def __init__(
        self,
        bucket: str,
        prefix: str,
        *,
        connect_timeout_s: float = 5,
        read_timeout_s: float = 10,
        attempts: int = 4,
    ) -> None:
        self.url = f"s3://{bucket}/{prefix}".rstrip("/")
        self.parallel = 16
        self._bucket = bucket
        self._folder = prefix + "/" if prefix else ""
        self._limits = {"connect_timeout": connect_timeout_s, "read_timeout": read_timeout_s}
        self._attempts = attempts
        self._made: tuple[int, Any] | None = None

    def get(self, key: str, *, unless: str | None = None) -> Stored | None:
        """See `Store.get`: one conditional request, so that an unchanged object costs no transfer."""
        condition = {} if unless is None else {"IfNoneMatch": unless}
        try:
            return self._read(key, condition)
        except _RefusedError as refused:
            if refused.status == _NOT_MODIFIED:
                return None
            if refused.no_such_key:
                raise Missing(f"{key} is not in {self.url}") from None
            raise refused.unavailable() from refused

    def create(self, key: str, data: bytes) -> str:
        """See `Store.create`: a put with `If-None-Match: *`."""
        try:
            return self._put(key, data, {"IfNoneMatch": "*"})
        except _RefusedError as refused:
            if refused.status == _PRECONDITION_FAILED:
                raise Exists(f"{key} is already in {self.url}") from None
            raise refused.unavailable() from refused

    def replace(self, key: str, data: bytes, *, expect: str | None) -> str:
        """See `Store.replace`: a put with `If-Match`, or with no condition. As in `create`, a swap whose answer was
        lost may be seen as `Changed` by its own retry."""
        condition = {} if expect is None else {"IfMatch": expect}
        try:
            return self._put(key, data, condition)
        except _RefusedError as refused:
            lost = refused.status in (_PRECONDITION_FAILED, _CONFLICT) or refused.no_such_key
            if expect is not None and lost:
                raise Changed(f"{key} in {self.url} is no longer what was expected") from None
            raise refused.unavailable() from refused

    def entries(self, prefix: str) -> Iterator[Entry]:
        """See `Store.entries`. Listed whole before the first is yielded, for not every server lists in order."""
        found = [Entry(item["Key"].removeprefix(self._folder), item["Size"]) for item in self._listed(prefix)]
        yield from sorted(found, key=lambda entry: entry.key)

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        try:
            self._call("delete_object", key, self._named(key))
        except _RefusedError as refused:
            if not refused.no_such_key:
                raise refused.unavailable() from refused

    def _listed(self, prefix: str) -> Iterator[dict[str, Any]]:
        arguments = {"Bucket": self._bucket, "Prefix": self._folder + prefix}
        more: dict[str, str] = {}
        while True:
            try:
                page = self._call("list_objects_v2", prefix, arguments | more)
            except _RefusedError as refused:
                raise refused.unavailable() from refused
            if "IsTruncated" not in page:  # a proxy's page, that would otherwise pass for an empty listing
                raise self._unavailable("list_objects_v2", prefix, ValueError("not a listing as S3 gives it"))
            yield from page.get("Contents", [])
            if not page["IsTruncated"]:
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def _named(self, key: str) -> dict[str, Any]:
        return {"Bucket": self._bucket, "Key": self._folder + key}

    def _read(self, key: str, condition: dict[str, str]) -> Stored:
        """The object whole. botocore tries a request again, but not a body that was cut off."""
        from botocore.exceptions import BotoCoreError

        left = _BODY_ATTEMPTS
        while True:
            answer = self._call("get_object", key, self._named(key) | condition)
            left -= 1
            try:
                return Stored(answer["Body"].read(), self._token(answer, "get_object", key))
            except BotoCoreError as error:
                if not left:
                    raise self._unavailable("get_object", key, error) from error

    def _put(self, key: str, data: bytes, condition: dict[str, str]) -> str:
        """The new token. A 409 says that another write was under way, and to try again."""
        arguments = self._named(key) | {"Body": data} | condition
        for pause_s in _CONFLICT_PAUSES_S:
            try:
                return self._token(self._call("put_object", key, arguments), "put_object", key)
            except _RefusedError as refused:
                if refused.status != _CONFLICT:
                    raise
            time.sleep(pause_s * random.random())
        return self._token(self._call("put_object", key, arguments), "put_object", key)

    def _token(self, answer: dict[str, Any], method: str, key: str) -> str:
        if "ETag" not in answer:
            raise self._unavailable(method, key, ValueError("an answer without an ETag is not S3's"))
        return str(answer["ETag"])

    def _call(self, method: str, key: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """S3's answer. Raises _RefusedError for an error that S3 answered, Unavailable for anything else."""
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        try:
            answer: dict[str, Any] = getattr(self._client(), method)(**arguments)
        except ClientError as error:
            raise self._refused(method, key, error.response) from error
        except (BotoCoreError, ResponseParserError, OSError, ValueError) as error:
            raise self._unavailable(method, key, error) from error
        return answer

    def _client(self) -> Any:
        """This process's client: made at the first use, for that takes longer than all else, and again after a fork."""
        made = self._made
        if made is None or made[0] != os.getpid():
            with _making_client:
                made = self._made
                if made is None or made[0] != os.getpid():
                    made = self._made = (os.getpid(), self._new_client())
        return made[1]

    def _new_client(self) -> Any:
        import boto3
        from botocore.config import Config

        config = Config(
            retries={"mode": "standard", "total_max_attempts": self._attempts},
            max_pool_connections=self.parallel,
            # Servers other than Amazon's refuse checksums that S3 does not require; every blob is hashed by us.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            **self._limits,
        )
        return boto3.session.Session().client("s3", config=config)

    def _refused(self, method: str, key: str, response: dict[str, Any]) -> _RefusedError:
        status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        code = str(response.get("Error", {}).get("Code", status))
        text = str(response.get("Error", {}).get("Message", ""))
        if code == "NoSuchBucket":
            text = f"the bucket {self._bucket!r} does not exist"
        elif status == _FORBIDDEN and method == "get_object":
            text += " (or there is no such object: without s3:ListBucket S3 does not tell)"
        return _RefusedError(self._line(code, method, key, text), status, code)

    def _unavailable(self, method: str, key: str, error: Exception) -> Unavailable:
        return Unavailable(self._line(type(error).__name__, method, key, str(error)))

    def _line(self, what: str, method: str, key: str, text: str) -> str:
        """`s3://bucket/prefix: AccessDenied on PutObject live/x.json: Access Denied`, on one line."""
        operation = "".join(word.capitalize() for word in method.split("_"))
        return f"{self.url}: {what} on {operation} {key}".rstrip() + ": " + shorten(text, _TEXT_LENGTH)


class _RefusedError(Exception):
    """An error that S3 itself answered, with its HTTP status and its code."""

    def __init__(self, message: str, status: int, code: str) -> None:
        super().__init__(message)
        self.status = status
        self.no_such_key = status == _NOT_FOUND and code in _NO_SUCH_KEY

    def unavailable(self) -> Unavailable:
        return Unavailable(str(self))
