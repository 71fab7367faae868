"""The wire client: what it sends, and that it fails as botocore fails."""

import datetime
import ipaddress
import select
import socket
import ssl
import time
from contextlib import closing
from pathlib import Path

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, SSLError
from botocore.httpsession import where
from botocore.session import get_session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from producers import wire, wire_configuration
from producers.retry import AWS_ERRORS, error_code, is_doubtful, is_throttling, is_transient
from producers.wire_configuration import wire_client
from tests.producers.lambda_environment import LAMBDA, TIMEOUTS
from tests.producers.scripted_server import answer, scripted_server


@pytest.fixture(autouse=True)
def no_settings_files(monkeypatch):
    monkeypatch.setattr(wire_configuration, "SETTINGS_FILES", ())


def at(port: int, **settings: str) -> wire.WireClient:
    client = wire_client("kinesis", TIMEOUTS, LAMBDA | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"} | settings)
    assert client is not None
    return client


def test_the_request_is_what_botocore_sends_for_the_same_call():
    both = []
    with scripted_server([[answer(b"{}")], [answer(b"{}")]]) as server:
        client = at(server.port)
        client.call("PutRecords", b'{"Records": [], "StreamName": "s"}')
        client.close()
        with closing(theirs(server.port)) as botocores:
            botocores.put_records(Records=[], StreamName="s")
        both = [request for connection in server.connections for request in connection]
    (line, ours, body), (their_line, their_headers, their_body) = map(taken_apart, both)
    assert (line, body) == (their_line, their_body)
    for name in ("host", "x-amz-target", "content-type", "content-length", "x-amz-security-token"):
        assert ours[name] == their_headers[name]
    assert ours["authorization"].split(",")[0][:46] == their_headers["authorization"].split(",")[0][:46]


def taken_apart(request: bytes) -> tuple[str, dict[str, str], bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    line, *lines = head.decode().split("\r\n")
    return line, {name.lower(): value for name, _, value in (each.partition(": ") for each in lines)}, body


def theirs(port: int, scheme: str = "http"):
    return get_session().create_client(
        "kinesis",
        region_name="eu-west-2",
        endpoint_url=f"{scheme}://127.0.0.1:{port}",
        aws_access_key_id="AKIA",
        aws_secret_access_key="secret",  # noqa: S106
        aws_session_token="token",  # noqa: S106
        config=Config(
            connect_timeout=TIMEOUTS.connect_seconds,
            read_timeout=TIMEOUTS.read_seconds,
            retries={"total_max_attempts": 1},
            parameter_validation=False,
            proxies={},
        ),
    )


ERROR = b'{"__type":"com.amazonaws.kinesis#ProvisionedThroughputExceededException","message":"Rate exceeded"}'
FAILURES = {
    "a throttled call": answer(ERROR, "400 Bad Request", "x-amzn-RequestId: 1"),
    "a capital message": answer(b'{"__type":"ValidationException:http://x","Message":"no"}', "400 Bad Request"),
    "no type": answer(b'{"message":"no"}', "403 Forbidden"),
    "an error without a body": answer(b"", "503 Service Unavailable"),
    "an error in HTML": answer(b"<html>overloaded</html>", "502 Bad Gateway"),
    "an error that is not JSON": answer(b"overloaded", "500 Internal Server Error"),
    "an internal failure": answer(b'{"__type":"InternalFailure"}', "500 Internal Server Error"),
    "a closed connection": b"",
    "half a status line": b"HTTP/1.1 20",
    "half a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n{",
    "no chunk size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "no answer": None,
}


@pytest.mark.parametrize("what", FAILURES)
def test_each_failure_raises_what_botocore_raises(what):
    with scripted_server([[FAILURES[what]]]) as server:
        client = at(server.port)
        ours = error_of(lambda: client.call("PutRecords", b"{}"))
        client.close()
    with scripted_server([[FAILURES[what]]]) as server, closing(theirs(server.port)) as botocores:
        their = error_of(lambda: botocores.put_records(Records=[], StreamName="s"))
    assert (judged(ours), message_of(ours)) == (judged(their), message_of(their))


@pytest.mark.parametrize("cut", [b"HTTP/1.1 200 OK\r\nContent-Len", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"])
def test_a_cut_answer_which_botocore_takes_for_an_empty_one_is_an_error_in_doubt(cut):
    with scripted_server([[cut]]) as server, closing(theirs(server.port)) as botocores:
        assert "Records" not in botocores.put_records(Records=[], StreamName="s")
    with scripted_server([[cut]]) as server:
        error = error_of(lambda: at(server.port).call("PutRecords", b"{}"))
    assert (error_code(error), is_transient(error), is_doubtful(error)) == ("ConnectionClosedError", True, True)


def test_a_refused_connection_raises_what_botocore_raises():
    with scripted_server([]) as server:
        port = server.port
    ours = error_of(lambda: at(port).call("PutRecords", b"{}"))
    with closing(theirs(port)) as botocores:
        assert judged(ours) == judged(error_of(lambda: botocores.put_records(Records=[], StreamName="s")))


def test_a_host_that_does_not_answer_is_a_connect_time_out(monkeypatch):
    def nobody(*_: object) -> None:
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", nobody)
    error = error_of(lambda: at(1).call("PutRecords", b"{}"))
    assert (error_code(error), is_transient(error), is_doubtful(error)) == ("ConnectTimeoutError", True, False)


def test_a_hung_call_ends_at_the_read_time_out():
    began = time.monotonic()
    with scripted_server([[None]]) as server:
        error = error_of(lambda: at(server.port).call("PutRecords", b"{}"))
    assert error_code(error) == "ReadTimeoutError"
    assert TIMEOUTS.read_seconds <= time.monotonic() - began < 5


def error_of(call):
    with pytest.raises(AWS_ERRORS) as caught:
        call()
    return caught.value


def judged(error: ClientError | BotoCoreError) -> tuple:
    kind = ClientError if isinstance(error, ClientError) else type(error)
    status = error.response["ResponseMetadata"]["HTTPStatusCode"] if isinstance(error, ClientError) else None
    return kind, error_code(error), status, is_transient(error), is_throttling(error), is_doubtful(error)


def message_of(error: ClientError | BotoCoreError) -> str | None:
    return error.response["Error"]["Message"] if isinstance(error, ClientError) else None


def test_a_connection_is_kept_for_the_next_call():
    with scripted_server([[answer(b'{"n":1}'), answer(b'{"n":2}')]]) as server:
        client = at(server.port)
        assert [client.call("PutRecords", b"{}")["n"] for _ in range(2)] == [1, 2]
        client.close()
    assert [len(requests) for requests in server.connections] == [2]


def test_a_connection_that_the_service_closed_meanwhile_is_not_used_again():
    with scripted_server([[answer(b"{}")], [answer(b"{}")]]) as server:
        client = at(server.port)
        client.call("PutRecords", b"{}")
        deadline = time.monotonic() + 5
        while len(server.connections) < 2 and time.monotonic() < deadline and not closed(client):
            time.sleep(0.01)
        client.call("PutRecords", b"{}")
        client.close()
    assert [len(requests) for requests in server.connections] == [1, 1]


def closed(client: wire.WireClient) -> bool:
    """Whether the service's end of the kept connection has been seen."""
    return bool(select.select([client._free[0][0]], [], [], 0)[0])


@pytest.mark.parametrize(
    "last",
    [
        answer(b"{}", "200 OK", "Connection: close"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n\r\n{}",
    ],
)
def test_a_connection_is_not_kept_where_the_service_says_so(last):
    with scripted_server([[last]]) as server:
        client = at(server.port)
        assert client.call("PutRecords", b"{}") == {}
        assert client._free == []


def test_an_answer_in_chunks_is_read_whole():
    chunked = (
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n2;x=y\r\n1}\r\n0\r\nTrailer: 1\r\n\r\n'
    )
    with scripted_server([[chunked, answer(b"{}")]]) as server:
        client = at(server.port)
        assert client.call("PutRecords", b"{}") == {"a": 1}
        assert client.call("PutRecords", b"{}") == {}
        client.close()


@pytest.mark.parametrize("body", [b"", b"[]", b"nonsense", b"null"])
def test_a_good_status_with_another_body_than_an_object_has_no_members(body):
    with scripted_server([[answer(body)]]) as server:
        client = at(server.port)
        assert "Records" not in client.call("PutRecords", b"{}")
        client.close()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Certificates that sign themselves, with their keys: of the loopback address, and of another host."""
    folder = tmp_path_factory.mktemp("certificates")
    names = {
        "loopback": x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        "other": x509.DNSName("example.com"),
    }
    return {name: certificate(folder / f"{name}.pem", alternative) for name, alternative in names.items()}


def certificate(file: Path, alternative: x509.GeneralName) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "spillway test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


def served_with(file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def over_tls(port: int, monkeypatch: pytest.MonkeyPatch, trusted: Path | None) -> wire.WireClient:
    if trusted:
        context = ssl.create_default_context(cafile=trusted)
        monkeypatch.setattr(wire, "_tls_context", lambda: context)
    return at(port, AWS_ENDPOINT_URL=f"https://127.0.0.1:{port}")


def test_a_trusted_certificate_of_the_right_name_is_accepted(monkeypatch, certificates):
    with scripted_server([[answer(b'{"ok":1}')]], served_with(certificates["loopback"])) as server:
        client = over_tls(server.port, monkeypatch, certificates["loopback"])
        assert client.call("PutRecords", b"{}") == {"ok": 1}
        client.close()


@pytest.mark.parametrize(("served", "trusted"), [("loopback", None), ("other", "other")])
def test_a_certificate_of_an_unknown_authority_or_another_name_is_refused_before_anything_is_sent(
    monkeypatch, certificates, served, trusted
):
    with scripted_server([[answer(b"{}")]], served_with(certificates[served])) as server:
        client = over_tls(server.port, monkeypatch, certificates.get(trusted))
        error = error_of(lambda: client.call("PutRecords", b"{}"))
    assert isinstance(error, SSLError)
    assert server.connections == []


def test_a_handshake_that_is_never_answered_is_a_time_out_of_the_connection(monkeypatch, certificates):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = over_tls(silent.getsockname()[1], monkeypatch, certificates["loopback"])
        client._timeouts = wire.Timeouts(0.2, 0.2)
        error = error_of(lambda: client.call("PutRecords", b"{}"))
    assert isinstance(error, ConnectTimeoutError)


def test_the_authorities_are_those_that_botocore_trusts():
    context = wire._tls_context()
    own = ssl.create_default_context(cafile=where())
    assert context.get_ca_certs(binary_form=True) == own.get_ca_certs(binary_form=True)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
