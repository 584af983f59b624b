"""Why deploy/ sets dramatiq_queue_prefetch to the number of threads."""

from prefetch import second_worker


def test_with_dramatiqs_default_a_new_worker_starts_nothing_while_messages_wait_for_a_busy_one(jobs):
    seen = second_worker(jobs, prefetch=0, processes=1, threads=3, seconds=5)
    assert (seen.waited, seen.taken) == (0, 0)
    assert seen.seconds_to_last > 10


def test_with_as_many_as_threads_a_new_worker_takes_what_waits_at_once(jobs):
    seen = second_worker(jobs, prefetch=3, processes=1, threads=3, seconds=5)
    assert (seen.waited, seen.taken) == (3, 3)
    assert seen.seconds_to_first < 4
    assert seen.seconds_to_last < 10
