"""deploy/worker/task_protection.py in real Dramatiq workers."""

import contextlib
import os
import resource
import tempfile
import threading
import time
import uuid
from pathlib import Path

import pytest
import task_protection
from agent import ARN, BLOCKED, EMPTY, NONSENSE, REFUSED, TIMED_OUT, UNKNOWN_PATH, Agent
from kit.machine import ROOT, until
from task_protection import TaskProtection
from workers import warned

ON = {"ProtectionEnabled": True, "ExpiresInMinutes": 10}
OFF = {"ProtectionEnabled": False}
# So that a test need not wait for the real times.
QUICK = {"IDLE_SECONDS": 1, "TICK_SECONDS": 0.1}


def off_again(agent, name, count=1):
    until("it is switched off", lambda: agent.said(name).count(False) >= count)


def test_it_is_on_before_a_job_begins_and_off_within_20_s_of_the_last(container, jobs, agent, name):
    container(name, processes=2, threads=2)
    jobs.send(0.5, 0.5, 0.5, 1)
    begun, ended = jobs.begun(4), jobs.ended(4)
    off_again(agent, name)
    on, off = agent.calls[name]
    assert (on.wanted, off.wanted) == (ON, OFF)
    assert on.at < begun[0]["at"]
    assert 4 < off.at - ended[-1]["at"] < 20


def test_the_processes_agree_on_one_state_which_is_on_while_any_of_them_works(container, jobs, agent, name):
    container(name, processes=3, **QUICK)
    jobs.send(1.5, 1.5, 4)
    pids = {line["pid"] for line in jobs.begun(3)}
    assert len(pids) == 3
    last = jobs.ended(3)[-1]
    off_again(agent, name)
    on, off = agent.calls[name]
    assert (on.on, off.on) == (True, False)
    assert off.at > last["at"] + 0.9


def test_a_pause_between_jobs_that_is_short_does_not_switch_it_off(container, jobs, agent, name):
    # So much longer than the pauses that a busy machine does not make one of them too long.
    container(name, processes=2, **QUICK | {"IDLE_SECONDS": 3})
    for _ in range(4):
        jobs.send(0.1)
        time.sleep(0.6)
    off_again(agent, name)
    assert agent.said(name) == [True, False]


def test_work_after_it_was_off_switches_it_on_again(container, jobs, agent, name):
    container(name, **QUICK)
    jobs.send(0.1)
    off_again(agent, name)
    jobs.send(0.1)
    second = jobs.begun(2)[1]
    assert agent.said(name) == [True, False, True]
    assert agent.calls[name][2].at < second["at"]


def test_it_is_renewed_while_a_job_runs(container, jobs, agent, name):
    container(name, processes=2, RENEW_SECONDS=0.5, **QUICK)
    jobs.send(2.2)
    jobs.ended()
    off_again(agent, name)
    said = agent.said(name)
    assert said == [True] * (len(said) - 1) + [False]
    # By one process, not by each: 2.2 s of work and 1 s of idleness.
    assert 5 <= len(said) <= 8


def test_a_slow_agent_holds_a_job_up_for_a_second_at_most_and_counts_when_it_answers(container, jobs, agent, name):
    agent.pause_seconds = 2.5
    container(name, threads=2, **QUICK)
    (first,) = jobs.send(4)
    jobs.begun()
    assert 0.9 < jobs.held_up(first) < 1.3
    until("it answered", lambda: agent.protected.get(name))
    (second,) = jobs.send(0.1)
    jobs.begun(2)
    assert jobs.held_up(second) < 0.1
    jobs.ended(2)


def test_the_second_does_not_count_towards_a_jobs_time_limit(container, jobs, agent, name):
    agent.pause_seconds = 4
    container(name, **QUICK)
    (job,) = jobs.send(0, time_limit=500)
    jobs.ended()
    assert jobs.held_up(job) > 0.9


def test_no_job_waits_for_an_answer_that_another_has_waited_for_in_vain(container, jobs, agent, name):
    agent.pause_seconds = 4
    container(name, **QUICK)
    first, *others = jobs.send(0, 0, 0)
    jobs.ended(3)
    assert 0.9 < jobs.held_up(first) < 1.3
    assert max(jobs.held_up(job) for job in others) < 0.3


def test_a_process_that_waits_for_another_lets_gevent_run_its_jobs(monkeypatch, tmp_path):
    # gevent runs others during time.sleep, which it replaces, but not while the kernel waits for a lock.
    monkeypatch.setattr(task_protection, "_private_folder", lambda name: tmp_path)
    one, other = task_protection._Container("http://any"), task_protection._Container("http://any")
    holds = contextlib.ExitStack()
    holds.enter_context(one.agreement())
    monkeypatch.setattr(task_protection.time, "sleep", lambda seconds: holds.close())

    def agree():
        with other.agreement():
            pass

    waiting = threading.Thread(target=agree, daemon=True)
    waiting.start()
    waiting.join(5)
    assert not waiting.is_alive()


def test_after_an_answer_that_did_not_come_the_next_request_is_repeated(container, jobs, agent, name):
    agent.pause_seconds = 1
    container(name, ANSWER_SECONDS=0.3, RETRY_SECONDS=1.5, **QUICK)
    jobs.send(5)
    until("it was asked", lambda: agent.said(name))
    agent.pause_seconds = 0
    jobs.ended()
    off_again(agent, name)
    # The second might be overtaken by the first; the third is not. 5 minutes would pass until the fourth.
    assert agent.said(name) == [True, True, True, False]


@pytest.mark.parametrize(
    "answer, why",
    [
        (REFUSED, f'status 400: {{"error": {{"Arn": "{ARN}", "Code": "AccessDeniedException", "Message": "not authorized"}}}}'),
        (BLOCKED, f'status 200: {{"failure": {{"Arn": "{ARN}", "Detail": null, "Reason": "DEPLOYMENT_BLOCKED"}}}}'),
        (UNKNOWN_PATH, "status 404: 404 page not found"),
        (NONSENSE, "status 200: <html>"),
        (EMPTY, "status 200: {}"),
    ],
)
def test_a_refusal_costs_no_job_and_is_told_once(container, jobs, agent, name, answer, why):
    agent.answer = answer
    workers = container(name, processes=2, RETRY_SECONDS=0.5, **QUICK)
    argument = 1.0625
    jobs.send(*[argument] * 4)
    jobs.ended(4)
    agent.answer = None
    jobs.send(1)
    jobs.ended(5)
    (warning,) = warned(workers)
    assert warning.endswith(f"Task protection could not be switched on: {why}. Messages run all the same.")
    until("it says so", lambda: "Task protection works again." in workers.said())
    assert str(argument) not in workers.said()


def test_what_ecs_may_have_done_is_undone_once_all_are_idle(container, jobs, agent, name):
    agent.answer = TIMED_OUT
    container(name, **QUICK)
    jobs.send(0.1)
    jobs.ended()
    agent.answer = None
    off_again(agent, name)
    assert agent.said(name) == [True, False]


def test_an_agent_that_is_gone_costs_no_job_and_no_time(container, jobs, agent, name):
    agent.close()
    workers = container(name, **QUICK)
    (job,) = jobs.send(0.1)
    jobs.ended()
    assert jobs.held_up(job) < 0.5
    (warning,) = warned(workers)
    why = f"no answer from {agent.uri(name)} (ConnectionRefusedError)"
    assert warning.endswith(f"Task protection could not be switched on: {why}. Messages run all the same.")


def test_an_address_that_is_none_costs_no_job_and_is_told_once(container, jobs, name, monkeypatch):
    monkeypatch.setattr(Agent, "uri", lambda agent, name: name)
    workers = container(name, RETRY_SECONDS=0.1, **QUICK)
    (job,) = jobs.send(1)
    jobs.ended()
    assert jobs.held_up(job) < 0.5
    (warning,) = warned(workers)
    assert f"no answer from {name} (AttributeError)" in warning
    assert "Traceback" not in workers.said()


def test_without_the_agents_address_nothing_changes(container, jobs, agent):
    workers = container(None, processes=2)
    jobs.send(0.1, 0.1)
    jobs.ended(2)
    assert agent.calls == {}
    assert "rotection" not in workers.said()


def test_a_job_that_fails_and_its_retries_leave_it_off(container, jobs, agent, name):
    container(name, threads=2, **QUICK)
    jobs.send(0, what="fail", max_retries=2, min_backoff=100, max_backoff=100)
    jobs.begun(3)
    off_again(agent, name)
    assert agent.said(name) == [True, False]


def test_a_message_that_is_skipped_before_it_begins_does_not_switch_it_on(container, jobs, agent, name):
    workers = container(name, **QUICK)
    # Too old for the middleware AgeLimit.
    jobs.send(1, max_age=-1)
    until("it is skipped", lambda: "was skipped" in workers.said())
    time.sleep(0.5)
    assert agent.said(name) == []
    jobs.send(0.1)
    off_again(agent, name)
    assert agent.said(name) == [True, False]


def test_a_message_that_is_skipped_after_it_was_switched_on_does_not_keep_it_on(container, jobs, agent, name):
    workers = container(name, **QUICK)
    jobs.send(1, skip=True)
    off_again(agent, name)
    assert agent.said(name) == [True, False]
    assert "was skipped" in workers.said()


def test_the_state_outlives_no_process_that_is_killed_while_it_works(container, jobs, agent, name):
    doomed = container(name, **QUICK)
    jobs.send(60)
    jobs.begun()
    container(name, **QUICK)
    time.sleep(1.5)
    assert agent.said(name) == [True]
    doomed.kill()
    off_again(agent, name)


def test_a_worker_that_starts_again_after_a_kill_switches_off_what_was_left_on(container, jobs, agent, name):
    doomed = container(name, **QUICK)
    jobs.send(60)
    jobs.begun()
    doomed.kill()
    assert agent.said(name) == [True]
    container(name, **QUICK)
    off_again(agent, name)


def test_a_worker_that_is_told_to_stop_ends_its_job_first_and_stays_protected(container, jobs, agent, name):
    workers = container(name, threads=2, prefetch=4, RENEW_SECONDS=0.5, **QUICK)
    jobs.send(3, 3, 3, 3)
    jobs.begun(2)
    until("two more are fetched", lambda: not jobs.waiting)
    workers.begin_shutdown()
    until("it has ended", workers.has_left)
    assert workers.process.returncode == 0
    assert len(jobs.ended(2)) == len(jobs.noted("begun")) == 2
    # What was only fetched is given back.
    assert jobs.waiting == 2
    calls = agent.calls[name]
    assert all(call.on for call in calls)
    assert calls[-1].at > jobs.ended(2)[-1]["at"] - 1


def test_a_task_that_is_never_idle_can_be_stopped_for_a_while_after_the_maximum(container, jobs, agent, name):
    container(name, _max_seconds=2, PAUSE_SECONDS=1.5, RENEW_SECONDS=1, **QUICK)
    jobs.send(6)
    jobs.ended()
    off_again(agent, name, 2)
    said = agent.said(name)
    calls = agent.calls[name]
    pause = said.index(False)
    assert 1.9 < calls[pause].at - calls[0].at < 3
    assert 1.4 < calls[pause + 1].at - calls[pause].at < 2.5
    assert said[pause + 1]


def test_a_maximum_that_is_no_number_of_minutes_stops_the_start(monkeypatch):
    monkeypatch.setenv("TASK_PROTECTION_MAX_MINUTES", "2h")
    with pytest.raises(ValueError) as refusal:
        TaskProtection()
    assert str(refusal.value) == "TASK_PROTECTION_MAX_MINUTES must be a whole number of minutes, at least 1, was '2h'"


def test_files_that_others_could_change_are_not_used(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    name = f"test-{uuid.uuid4().hex}"
    open_to_all = Path(f"/dev/shm/{name}-{os.geteuid()}")
    open_to_all.mkdir()
    try:
        open_to_all.chmod(0o777)
        folder = Path(task_protection._private_folder(name))
        assert (folder.parent, folder.stat().st_mode & 0o777) == (tmp_path, 0o700)
        folder.rmdir()
        folder.symlink_to(open_to_all)
        with pytest.raises(OSError, match="^neither /dev/shm nor the folder for temporary files lets a private folder be made$"):
            task_protection._private_folder(name)
    finally:
        open_to_all.rmdir()


def test_without_room_for_its_files_it_is_off_and_says_so(monkeypatch, caplog, tmp_path):
    monkeypatch.setenv("ECS_AGENT_URI", "http://127.0.0.1:9/api/none")
    monkeypatch.setattr(task_protection, "_private_folder", lambda name: tmp_path)
    middleware = TaskProtection()
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, unlimited[1]))
    try:
        middleware.before_worker_boot(None, None)
        middleware.before_process_message(None, None)
        middleware.after_process_message(None, None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert caplog.messages == ["Task protection is off, because its files cannot be made: [Errno 27] File too large"]


def test_the_page_says_the_times_that_it_keeps():
    page = " ".join((ROOT / "deploy/worker/README.md").read_text().split())
    kit = TaskProtection
    assert f"lasts {kit.EXPIRES_MINUTES} minutes and is renewed every {kit.RENEW_SECONDS // 60}." in page
    assert f"{kit.IDLE_SECONDS} to {kit.IDLE_SECONDS + kit.TICK_SECONDS} s after the last message" in page
    assert f"at most {kit.WAIT_SECONDS} s" in page
    assert f"again after {kit.WARN_AGAIN_SECONDS // 60} minutes" in page
    assert f"pauses for {kit.PAUSE_SECONDS // 60} minutes" in page
