"""Order, readiness, restart, back-off, orderly stop, no orphans: with real processes."""

import os
import signal
import time
from pathlib import Path

import pytest

from backend.stack import logfile


def test_stages_wait_for_each_other_and_stop_in_reverse(supervise):
    one = supervise(
        """
        sh("store", "sleep 0.4; echo up; echo store >> order; exec sleep 600", Stage.STORES,
           ready=Ready("log", "up")),
        sh("prepare", "echo prepare >> order", Stage.PREPARE, once=True, essential=True),
        sh("first", "echo first >> order; exec sleep 600"),
        sh("last", "exec sleep 600"),
        """
    )
    one.wait_for("STARTED")
    one.wait_for("prepare: ready after")
    one.signal(signal.SIGTERM)
    assert one.end() == 0
    assert (one.directory / "order").read_text().split()[:2] == ["store", "prepare"]
    stops = [line.split(":")[0] for line in one.printed.splitlines() if "stopped (" in line]
    assert stops == ["last", "first", "store"]


def test_running_work_is_finished_before_the_end(supervise):
    one = supervise(
        """
        py("worker", '''
        import signal, subprocess, sys, time
        signal.signal(signal.SIGTERM, lambda *_: None)
        child = subprocess.Popen([sys.executable, "-c",
            "import time; time.sleep(1.5); open('done', 'w').write('1')"])
        print("up", flush=True)
        signal.pause()
        sys.exit(child.wait())
        ''', ready=Ready("log", "up")),
        """
    )
    one.wait_for("STARTED")
    one.signal(signal.SIGINT)
    assert one.end() == 0
    # The child was in the worker's group: only the main process was signalled.
    assert (one.directory / "done").read_text() == "1"
    assert "worker: stopped (0)" in one.printed


def test_who_ignores_the_stop_is_killed_with_its_children_after_the_grace(supervise, alive):
    one = supervise(
        """
        sh("stubborn", "trap '' TERM; sleep 600 & echo $! > child; echo up; wait; sleep 600",
           ready=Ready("log", "up"), grace=0.5),
        """
    )
    one.wait_for("STARTED")
    child = one.pid_in("child")
    one.signal(signal.SIGTERM)
    assert one.end() == 0
    assert "stubborn: did not stop in time" in one.printed
    assert not alive(child)


def test_a_signal_that_arrives_twice_at_once_does_not_hurry(supervise):
    one = supervise(
        """
        sh("worker", "trap 'sleep 1; exit 0' TERM; echo up; while :; do sleep 0.1; done",
           ready=Ready("log", "up")),
        """
    )
    one.wait_for("STARTED")
    one.signal(signal.SIGTERM)
    time.sleep(0.1)
    one.signal(signal.SIGTERM)
    assert one.end() == 0
    assert "worker: stopped (0)" in one.printed


def test_a_second_signal_hurries(supervise):
    one = supervise("""sh("slow", "trap '' TERM; echo up; while :; do sleep 0.1; done",
        ready=Ready("log", "up"), grace=300),""")
    one.wait_for("STARTED")
    one.signal(signal.SIGINT)
    time.sleep(0.8)
    one.signal(signal.SIGTERM)
    assert one.end() == 0


def test_a_dead_process_is_started_again_and_its_leftovers_are_cleared(supervise, alive, until):
    one = supervise("""sh("app", "sleep 600 & echo $! > child; echo $$ > main; wait"),""")
    one.wait_for("STARTED")
    main, child = one.pid_in("main"), one.pid_in("child")
    os.kill(main, signal.SIGKILL)
    one.wait_for("app: ended (-9), starting again in 0.2 s")
    until(lambda: one.pid_in("main") != main, 10)
    until(lambda: not alive(child), 5)


def test_repeated_deaths_are_said_loudly_and_back_off(supervise):
    one = supervise("""sh("app", "echo why it died; exit 3"), sh("other", "exec sleep 600"),""")
    one.wait_for("KEEPS FAILING, 4 times now", 20)
    delays = [
        float(line.split("starting again in ")[1].split()[0])
        for line in one.printed.splitlines()
        if "starting again in" in line
    ]
    assert delays[:4] == [0.2, 0.5, 1.0, 2.0]  # 0.25 is printed as 0.2
    assert "| why it died" in one.printed
    one.signal(signal.SIGTERM)
    assert one.end() == 0


def test_a_store_that_cannot_be_kept_running_ends_everything_with_status_1(supervise):
    one = supervise(
        """
        sh("store", "echo disk is full; exit 1", Stage.STORES, ready=Ready("log", "up"),
           essential=True),
        sh("app", "exec sleep 600"),
        """
    )
    assert one.end() == 1
    assert "GAVE UP" in one.printed
    assert "disk is full" in one.printed
    assert "app:" not in one.printed


def test_an_essential_step_that_fails_ends_the_start(supervise):
    one = supervise(
        """
        sh("store", "echo up; exec sleep 600", Stage.STORES, ready=Ready("log", "up")),
        sh("migrate", "echo no such table; exit 2", Stage.PREPARE, once=True, essential=True),
        sh("app", "exec sleep 600"),
        """
    )
    assert one.end() == 1
    assert "no such table" in one.printed
    assert "store: stopped" in one.printed
    assert "app:" not in one.printed


def test_a_step_that_is_not_essential_may_fail(supervise):
    one = supervise("""sh("model", "exit 2", Stage.PREPARE, once=True),""")
    one.wait_for("STARTED")
    assert "model: failed (2); going on without it" in one.printed
    assert "model: ready" not in one.printed


@pytest.mark.parametrize(("check", "made"), [("exit 0", False), ("exit 1", True)])
def test_a_step_runs_only_when_its_check_says_so(supervise, check: str, made: bool):
    one = supervise(
        f"""sh("model", "echo x >> made", Stage.PREPARE, once=True,
            unless=("/bin/sh", "-c", "{check}")),"""
    )
    one.wait_for("STARTED")
    assert (one.directory / "made").exists() is made


def test_a_service_not_ready_in_time_is_reported_and_does_not_block(supervise):
    one = supervise("""sh("web", "exec sleep 600", ready=Ready("port", "1"), start_timeout=0.5),""")
    one.wait_for("web: is not ready yet; going on")
    one.wait_for("STARTED")


def test_a_killed_supervisor_leaves_no_process(supervise, alive, until):
    one = supervise(
        """
        sh("store", "echo $$ > store; exec sleep 600", Stage.STORES, death_signal=signal.SIGINT),
        sh("deaf", "trap '' TERM INT HUP; echo $$ > deaf; while :; do sleep 0.1; done"),
        """
    )
    one.wait_for("STARTED")
    children = [one.pid_in("store"), one.pid_in("deaf")]
    assert all(alive(pid) for pid in children)
    one.signal(signal.SIGKILL)
    one.end()
    until(lambda: not any(alive(pid) for pid in children), 5)


def test_loud_lines_reach_the_terminal_and_others_only_the_log(supervise):
    one = supervise(
        """sh("app", "echo just info; echo 10:00 ERROR x broke; echo up; exec sleep 600",
            ready=Ready("log", "up")),"""
    )
    one.wait_for("STARTED")
    assert "app: 10:00 ERROR x broke" in one.printed
    assert "just info" not in one.printed
    assert "just info" in Path(one.directory, "app.log").read_text()


def test_a_fault_that_repeats_itself_does_not_fill_the_terminal(supervise):
    one = supervise(
        """
        sh("app", "for n in 1 2 3 4 5; do echo $n ERROR again; done; sleep 0.5;"
           "echo 6 ERROR again; sleep 0.3; echo up; exec sleep 600", ready=Ready("log", "up")),
        """
    )
    one.wait_for("STARTED")
    assert one.printed.count("ERROR again") <= 3
    assert (one.directory / "app.log").read_text().count("ERROR again") == 6


def test_a_log_is_kept_small_without_losing_its_child(tmp_path, monkeypatch):
    monkeypatch.setattr(logfile, "LIMIT_BYTES", 100)
    log = logfile.LogFile(tmp_path / "app.log")
    child = log.open()
    os.write(child, b"x" * 150 + b"\n")
    assert len(log.new_lines()) == 1
    log.rotate()
    os.write(child, b"after\nhalf a l")
    assert log.new_lines() == ["after"]
    os.write(child, b"ine\n")
    os.close(child)
    assert log.new_lines() == ["half a line"]
    assert (tmp_path / "app.log").stat().st_size < 100
    assert (tmp_path / "app.log.1").stat().st_size == 151
