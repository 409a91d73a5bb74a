"""Free ports, the same ones again, asked-for ports, and one instance per checkout."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from backend.stack import environment, ports
from backend.stack.instance import Instance

ROOT = Path(__file__).resolve().parents[3]


def _listening() -> socket.socket:
    server = socket.socket()
    server.bind((ports.HOST, 0))
    server.listen()
    return server


def test_all_different_and_free():
    chosen = ports.choose({}, {})
    assert set(chosen) == set(ports.NAMES)
    assert len(set(chosen.values())) == len(ports.NAMES)
    assert all(ports.is_free(port) for port in chosen.values())


def test_the_ports_of_the_last_start_are_taken_again():
    before = ports.choose({}, {})
    assert ports.choose({}, before) == before


def test_a_port_that_somebody_took_meanwhile_is_replaced_alone():
    before = ports.choose({}, {})
    with _listening() as server:
        before["web"] = server.getsockname()[1]
        now = ports.choose({}, before)
    assert now["web"] != before["web"]
    assert {name: now[name] for name in ports.NAMES if name != "web"} == {
        name: before[name] for name in ports.NAMES if name != "web"
    }


def test_an_asked_for_port_wins_also_over_the_last_start():
    before = ports.choose({}, {})
    now = ports.choose({"WEB_PORT": str(before["redis"])}, before)
    assert now["web"] == before["redis"]
    assert len(set(now.values())) == len(ports.NAMES)


@pytest.mark.parametrize("wanted", ["0", "70000", "http", "-1"])
def test_an_impossible_port_names_its_variable(wanted: str):
    with pytest.raises(ports.PortTakenError, match="FLOWER_PORT"):
        ports.choose({"FLOWER_PORT": wanted}, {})


def test_a_taken_port_names_its_variable():
    with _listening() as server:
        taken = str(server.getsockname()[1])
        with pytest.raises(ports.PortTakenError, match=f"WEB_PORT={taken}"):
            ports.choose({"WEB_PORT": taken}, {})


def test_the_same_port_asked_for_twice_is_refused():
    port = str(ports.choose({}, {})["web"])
    with pytest.raises(ports.PortTakenError, match="FLOWER_PORT"):
        ports.choose({"WEB_PORT": port, "FLOWER_PORT": port}, {})


def test_one_instance_holds_the_checkout_until_it_dies(tmp_path: Path):
    code = (
        "import sys; from pathlib import Path; from backend.stack.instance import Instance;"
        "i = Instance(Path(sys.argv[1])); assert i.claim();"
        "i.say({'ports': {'web': 1234}}); print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    mine = Instance(tmp_path)
    assert mine.claim() is False
    assert mine.holder() == holder.pid
    assert mine.previous_ports() == {"web": 1234}
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()
    assert mine.holder() is None
    assert mine.previous_ports() == {"web": 1234}  # the next start asks for the same
    assert mine.stop(1) is True
    assert mine.claim() is True
    mine.release()
    assert mine.holder() is None


def test_a_broken_note_of_the_last_start_does_not_hinder_the_next(tmp_path: Path):
    for content in ("{", "[1]", '{"ports": 3}', '{"ports": {"web": "x"}}'):
        (tmp_path / "stack.json").write_text(content)
        assert Instance(tmp_path).previous_ports() == {}


def test_environment_file(tmp_path: Path):
    file = tmp_path / ".env"
    assert environment.read_file(file) == {}
    file.write_text("# comment\n\nWEB_PORT=8000\nALERT_EMAILS = 'a@b'\n")
    assert environment.read_file(file) == {"WEB_PORT": "8000", "ALERT_EMAILS": "a@b"}
    file.write_text("A=1\nsecret words without a name\n")
    with pytest.raises(environment.EnvironmentFileError, match="line 2") as error:
        environment.read_file(file)
    assert "secret words" not in str(error.value)
