"""Load: many clients at the same time, each a process of its own, so that none waits for another one's interpreter."""

import multiprocessing
from multiprocessing.connection import wait

from .checks import Failure
from .client import Broken

# A process is a copy of this one: it costs no import, and nothing has to be handed over.
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
