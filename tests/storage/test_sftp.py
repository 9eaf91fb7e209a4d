"""SFTP: the server must be known, logins fail clearly, broken connections are opened again."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import paramiko
import pytest

from sqlite_recovery_tui.config import ReplicaConfig, Secret
from sqlite_recovery_tui.errors import AccessDenied, BucketNotFound, StorageError, Unreachable
from sqlite_recovery_tui.storage.objects import ObjectStore
from sqlite_recovery_tui.storage.ssh import Connection
from sqlite_recovery_tui.storage.timeouts import PATIENT
from tests.storage.conftest import QUICK, sftp_of
from tests.support.servers import SftpServer, rclone_sftp


@pytest.fixture
def known(sftp_server: SftpServer, tmp_path: Path) -> Path:
    file = tmp_path / "known_hosts"
    file.write_text(sftp_server.known_host + "\n")
    return file


@pytest.fixture(scope="module")
def replica(sftp_server: SftpServer) -> str:
    made = sftp_server.make_directory("replica")
    assert made.is_dir()
    return "replica"


@pytest.fixture
def store(sftp_server: SftpServer, known: Path, replica: str) -> Iterator[ObjectStore]:
    opened = sftp_of(sftp_server, replica, known)
    opened.put("k", b"data")
    yield opened
    opened.close()


def test_an_unknown_server_gets_no_password(sftp_server: SftpServer, replica: str, tmp_path: Path) -> None:
    stranger = sftp_of(sftp_server, replica, tmp_path / "none")
    with pytest.raises(AccessDenied, match=r"key ecdsa-sha2-nistp256 SHA256:\S+ is not known") as caught:
        stranger.get("k")
    assert f"ssh-keyscan -p {sftp_server.port} 127.0.0.1" in caught.value.hint
    assert "skip-verify" in caught.value.hint


def test_a_server_with_another_key_is_refused(sftp_server: SftpServer, replica: str, tmp_path: Path) -> None:
    other = paramiko.ECDSAKey.generate()
    name = sftp_server.known_host.split()[0]
    file = tmp_path / "known_hosts"
    file.write_text(f"{name} {other.get_name()} {other.get_base64()}\n")
    with pytest.raises(AccessDenied, match="not the one known for it") as caught:
        sftp_of(sftp_server, replica, file).get("k")
    assert "ssh-keygen -R" in caught.value.hint


def test_a_hashed_known_hosts_file_is_understood(
    sftp_server: SftpServer, store: ObjectStore, replica: str, tmp_path: Path
) -> None:
    name, rest = sftp_server.known_host.split(" ", 1)
    file = tmp_path / "hashed"
    file.write_text(f"{paramiko.HostKeys.hash_host(name)} {rest}\n")
    assert sftp_of(sftp_server, replica, file).get("k") == b"data"


def test_a_configured_host_key_is_enough_and_must_be_the_one(
    sftp_server: SftpServer, store: ObjectStore, replica: str, tmp_path: Path
) -> None:
    key = sftp_server.known_host.split(" ", 1)[1]
    assert sftp_of(sftp_server, replica, tmp_path / "none", host_key=key).get("k") == b"data"
    other = paramiko.ECDSAKey.generate()
    wrong = f"{other.get_name()} {other.get_base64()}"
    with pytest.raises(AccessDenied, match="not the one known"):
        sftp_of(sftp_server, replica, tmp_path / "none", host_key=wrong).get("k")
    with pytest.raises(AccessDenied, match="not a public key"):
        sftp_of(sftp_server, replica, tmp_path / "none", host_key="nonsense").get("k")


def test_verification_can_be_given_up_on_purpose(
    sftp_server: SftpServer, store: ObjectStore, replica: str, tmp_path: Path
) -> None:
    assert sftp_of(sftp_server, replica, tmp_path / "none", skip_verify=True).get("k") == b"data"


def test_a_wrong_password_is_told_from_a_missing_directory(
    sftp_server: SftpServer, known: Path, replica: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(AccessDenied, match="refused the login") as caught:
        sftp_of(sftp_server, replica, known, password=Secret("canary")).get("k")
    assert "key-path" in caught.value.hint
    assert "canary" not in caught.value.message
    with pytest.raises(BucketNotFound):
        list(sftp_of(sftp_server, "no such directory", known).list())
    assert capfd.readouterr().err == ""


def test_a_key_that_is_missing_is_named(sftp_server: SftpServer, known: Path, replica: str) -> None:
    missing = sftp_of(sftp_server, replica, known, password=None, key_path="/no/such/key")
    with pytest.raises(AccessDenied, match="/no/such/key"):
        missing.get("k")


def test_nobody_listening_and_nobody_answering_are_told_apart(sftp_server: SftpServer, known: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        with pytest.raises(Unreachable, match="refused"):
            sftp_of(sftp_server, "", known, port=port, timeouts=QUICK).get("k")
        silent.listen()
        # On a busy machine the library may notice that there is no session before it notices the time.
        with pytest.raises(StorageError, match=r"no answer in time|connection broke"):
            sftp_of(sftp_server, "", known, port=port, timeouts=QUICK).get("k")
    with pytest.raises(Unreachable, match="host name"):
        sftp_of(sftp_server, "", known, host="nowhere.invalid").get("k")


def test_files_are_written_aside_and_renamed(sftp_server: SftpServer, store: ObjectStore) -> None:
    store.put("wal/k", b"first")
    store.put("wal/k", b"second")
    folder = sftp_server.directory / "replica" / "wal"
    assert [file.name for file in folder.iterdir()] == ["k"]
    assert (folder / "k").read_bytes() == b"second"


@contextmanager
def relay(port: int) -> Iterator[tuple[int, list[socket.socket]]]:
    """Pass connections on to `port`; the sockets in the list can be closed to break them."""
    live: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def pump(source: socket.socket, target: socket.socket) -> None:
            try:
                while data := source.recv(65536):
                    target.sendall(data)
            except OSError:
                pass
            finally:
                for end in (source, target):
                    end.close()

        def accept() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                server = socket.create_connection(("127.0.0.1", port))
                live.append(client)
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=pump, args=pair, daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1], live
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for end in live:
            _break(end)


def _break(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


def test_a_broken_connection_is_opened_again(
    sftp_server: SftpServer, store: ObjectStore, tmp_path: Path
) -> None:
    data = bytes(range(256)) * 20_000
    store.put("big", data)
    with relay(sftp_server.port) as (port, live):
        through = sftp_of(sftp_server, "replica", tmp_path / "none", port=port, skip_verify=True)
        assert through.get("k") == b"data"
        _break(live[-1])
        assert through.get("k") == b"data"
        stream = through.stream("big", chunk_bytes=500_000)
        got = next(stream)
        _break(live[-1])
        got += b"".join(stream)
        assert got == data
        assert len(live) == 3
        through.close()


def test_a_connection_that_met_an_error_is_not_used_again(
    sftp_server: SftpServer, store: ObjectStore, tmp_path: Path
) -> None:
    config = ReplicaConfig(
        "sftp",
        "sftp",
        host=sftp_server.host,
        user=sftp_server.user,
        password=Secret(sftp_server.password),
        skip_verify=True,
    )
    with relay(sftp_server.port) as (port, live):
        connection = Connection(replace(config, port=port), PATIENT)

        def use(error: Exception | None = None) -> None:
            with connection.channel() as sftp:
                assert sftp.stat("replica/k").st_size == 4
                if error is not None:
                    raise error

        with pytest.raises(FileNotFoundError):
            use(FileNotFoundError())
        use()
        assert len(live) == 1, "a missing file says nothing against the connection"
        with pytest.raises(EOFError):
            use(EOFError())
        use()
        assert len(live) == 2
        connection.close()


def test_two_servers_do_not_share_a_key(tmp_path: Path, known: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    with (
        rclone_sftp(root, keys=tmp_path) as other,
        pytest.raises(AccessDenied, match="is not known"),
    ):
        sftp_of(other, "", known).get("k")
