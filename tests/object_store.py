"""An S3 server on loopback, real but for its size, that fails as large ones do."""

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


class Weather:
    """WSGI middleware: 503s, slow bodies, a request that is denied once, puts whose condition is passed over."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.clear()

    def clear(self) -> None:
        self.fail_every = 0  # of so many requests, one gets a 503
        self.pause = 0.0  # seconds before every response and within its body
        self.deny_once = ""  # the next request with this in its query gets a 403
        self.unconditional = False
        self.requests = self.failures = self.sent = 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.requests += 1
        time.sleep(self.pause)
        if self.fail_every and self.requests % self.fail_every == 0:
            self.failures += 1
            return self._refuse("503 Slow Down", SLOW_DOWN, environ, start_response)
        if self.deny_once and self.deny_once in environ["QUERY_STRING"]:
            self.deny_once = ""
            return self._refuse("403 Forbidden", DENIED, environ, start_response)
        if self.unconditional:
            environ.pop("HTTP_IF_NONE_MATCH", None)
        response: Iterable[bytes] = self.app(environ, start_response)
        if environ["REQUEST_METHOD"] != "GET":
            return response
        return self._slowly(response) if self.pause else self._counted(response)

    def _counted(self, response: Iterable[bytes]) -> Iterator[bytes]:
        for block in response:
            self.sent += len(block)
            yield block

    def _refuse(self, status: str, body: bytes, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response(status, [("Content-Length", str(len(body)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def _slowly(self, response: Iterable[bytes]) -> Iterator[bytes]:
        body = b"".join(response)
        half = len(body) // 2
        yield body[:half]
        time.sleep(self.pause)
        yield body[half:]


@pytest.fixture(scope="session")
def s3_server() -> Iterator[tuple[str, Weather]]:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    weather = Weather(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, weather, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}", weather
    server.shutdown()


@pytest.fixture
def weather(s3_server: tuple[str, Weather], monkeypatch: pytest.MonkeyPatch) -> Iterator[Weather]:
    """The S3 server as the environment of this test and its processes has it, in fine weather until told otherwise."""
    import s3fs

    url, weather = s3_server
    for name, value in (KEYS | {"AWS_ENDPOINT_URL": url}).items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    weather.clear()
    yield weather
    weather.clear()


@pytest.fixture
def bucket(weather: Weather) -> str:
    """The URL of a bucket with nothing in it."""
    import s3fs

    name = f"test-{uuid.uuid4().hex}"
    s3fs.S3FileSystem().mkdir(name)
    return f"s3://{name}"
