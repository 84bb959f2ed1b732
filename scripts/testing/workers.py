"""Load: many clients at the same time, each in its own process, so that Python's interpreter lock delays none."""

import multiprocessing
from multiprocessing.connection import wait

from .checks import Failure
from .client import Broken

# Processes are forked from this one: they need no imports, and they have copies of its data.
FORK = multiprocessing.get_context("fork")


def run(number, job, each, progress):
    """Runs `job(index, tick)` in `number` processes; it calls `tick()` `each` times. Raises the first failure.

    Returns what the jobs returned."""
    counts = FORK.RawArray("Q", number)
    workers = {}
    try:
        for index in range(number):
            mine, its = FORK.Pipe(duplex=False)
            process = FORK.Process(target=_run_one, args=(job, index, counts, its), daemon=True)
            process.start()
            its.close()
            workers[mine] = process
        return _collect(dict(workers), lambda: progress(sum(counts), number * each))
    finally:
        for pipe, process in workers.items():
            process.kill()
            process.join()
            pipe.close()


def _collect(workers, progress):
    results = []
    while workers:
        for pipe in wait(list(workers), timeout=0.2):
            process = workers.pop(pipe)
            try:
                failure, result = pipe.recv()
            except EOFError:
                process.join()
                failure, result = ("", "", f"a worker of the tester ended with status {process.exitcode}", ""), None
            if failure is not None:
                raise Failure(*failure)
            results.append(result)
        progress()
    return results


def _run_one(job, index, counts, pipe):
    def tick():
        counts[index] += 1

    try:
        outcome = (None, job(index, tick))
    except Failure as failure:
        outcome = ((failure.sent, failure.expected, failure.came, failure.hint), None)
    except Broken as broken:
        outcome = ((broken.sent, "", f"{broken.came} (worker {index}, after {counts[index]} answers)", ""), None)
    except (OSError, KeyboardInterrupt) as error:
        outcome = (("", "", f"{type(error).__name__}: {error} (worker {index})", ""), None)
    pipe.send(outcome)
