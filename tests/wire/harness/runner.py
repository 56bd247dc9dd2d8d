# SPDX-License-Identifier: MIT
"""Runs tests on several processes and reports: a line for each failure and each skip, and how many of what at the end.

A job is a test, or a whole transcript, on one engine and one family of sockets. Each process takes the next job when it
is done with one; a process that dies fails its job and is replaced. Jobs that spend their time waiting have processes of
their own, so that no CPU waits with them.
"""

import multiprocessing
import multiprocessing.connection
import resource
import signal
import sys
import time
import traceback
from collections import deque
from dataclasses import dataclass

from harness.lab import Lab
from harness.outcome import Failure, Skip, TimeLimit
from harness.replay import Replayer

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
TRANSCRIPT_LIMIT_S = 120


@dataclass(frozen=True)
class Result:
    """How one test ended."""

    name: str
    status: str
    text: str = ""


@dataclass(frozen=True)
class Job:
    """What a process does at a time."""

    name: str
    engine: str
    family: str
    limit_s: int
    long: bool
    program: object  # what is under test
    work: object  # a function from Lab to a list of Results
    waits: bool = False  # and uses next to no CPU

    def label(self):
        return f"{self.name} [{self.engine} {self.family}]"


def test_job(case, engine, family, program):
    """A programmed test as a job."""
    name = f"{case.area}: {case.name}"

    def work(lab):
        case.run(lab)
        return [Result(f"{name} [{engine} {family}]", PASSED)]

    return Job(name, engine, family, case.limit_s, case.long, program, work, case.waits)


def transcript_job(transcript, cases, engine, family, program):
    """Cases of one transcript on one server as a job."""

    def work(lab):
        if transcript.differs and lab.program.is_reference:
            text = f"the reference differs: {transcript.differs}"
            return [Result(f"{transcript.name} [{engine} {family}]", SKIPPED, text)]
        server = lab.start(*transcript.server_flags)
        replayer = Replayer(server, lab.random)
        results = []
        for case in cases:
            label = f"{transcript.name}: {case.title} [{engine} {family}]"
            results.append(case_result(label, replayer, case))
            if not server.process.alive():
                break
        replayer.witness.close()
        return results

    return Job(transcript.name, engine, family, TRANSCRIPT_LIMIT_S, False, program, work)


def case_result(label, replayer, case):
    try:
        replayer.play_case(case)
        return Result(label, PASSED)
    except Skip as skip:
        return Result(label, SKIPPED, str(skip))
    except Failure as failure:
        return Result(label, FAILED, str(failure))


# --- in a worker process ------------------------------------------------------------------------------------------


def on_alarm(_number, _frame):
    raise TimeLimit()


def run_job(job, seed):
    """All results of one job; servers are stopped before this returns."""
    lab = Lab(job.program, job.engine, job.family, seed)
    signal.signal(signal.SIGALRM, on_alarm)
    signal.alarm(job.limit_s)
    try:
        results = guarded(job, lab)
    finally:
        signal.alarm(0)
        wrongs = lab.close()
    return add_wrongs(job, results, wrongs)


def guarded(job, lab):
    try:
        return job.work(lab)
    except Skip as skip:
        return [Result(job.label(), SKIPPED, str(skip))]
    except Failure as failure:
        return [Result(job.label(), FAILED, str(failure))]
    except TimeLimit:
        return [Result(job.label(), FAILED, f"took longer than {job.limit_s} s: {position_text()}")]
    except Exception as error:  # a mistake in the test is a failure of the test, with its place
        return [Result(job.label(), FAILED, f"{type(error).__name__}: {error}: {position_text()}")]


def position_text():
    """The last places of the present exception, innermost last."""
    frames = traceback.extract_tb(sys.exc_info()[2])[-3:]
    return " > ".join(f"{frame.name}:{frame.lineno}" for frame in frames)


def add_wrongs(job, results, wrongs):
    """What the servers did wrong fails the test, or comes on top where it failed already."""
    if not wrongs:
        return results
    text = "; ".join(wrongs)
    if len(results) == 1:
        result = results[0]
        before = f"{result.text}; " if result.status == FAILED else ""
        return [Result(result.name, FAILED, before + text)]
    return [*results, Result(f"{job.label()} the server", FAILED, text)]


def cpu_s():
    """CPU time of this process and of the servers that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def worker_main(pipe, jobs, seed):
    """Takes job numbers from the pipe until it reads None."""
    try:
        while (index := pipe.recv()) is not None:
            begin, cpu_begin_s = time.monotonic(), cpu_s()
            results = run_job(jobs[index], seed)
            pipe.send((results, time.monotonic() - begin, cpu_s() - cpu_begin_s))
    except (KeyboardInterrupt, EOFError):
        pass


# --- in the parent ------------------------------------------------------------------------------------------------


class Worker:
    """A process, the job it is at, and where it finds the next one."""

    def __init__(self, jobs, seed, queues):
        self.pipe, other_end = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=worker_main, args=(other_end, jobs, seed))
        self.process.start()
        other_end.close()
        self.queues = queues
        self.index = None

    def give_next(self):
        """The first job of the first queue that has one; false when there is none left."""
        queue = next(filter(None, self.queues), None)
        if queue is None:
            return False
        self.index = queue.popleft()
        self.pipe.send(self.index)
        return True

    def dismiss(self):
        """No more jobs; harmless when the process is gone."""
        try:
            self.pipe.send(None)
        except OSError:
            pass

    def results(self, jobs):
        """What the process sent, or the failure that it died; the seconds it took, and those of CPU time."""
        try:
            return self.pipe.recv()
        except EOFError:
            self.process.join()
            text = f"the test process died, status {self.process.exitcode}"
            return [Result(jobs[self.index].label(), FAILED, text)], 0.0, 0.0


class Runner:
    """Gives jobs to processes and collects results."""

    def __init__(self, jobs, processes_count, seed, waiting_count=0, out=sys.stdout):
        self.jobs = sorted(jobs, key=lambda job: not job.long)
        self.seed, self.out = seed, out
        self.processes_count, self.waiting_count = processes_count, waiting_count
        self.counts = {PASSED: 0, FAILED: 0, SKIPPED: 0}
        self.times = []  # seconds, seconds of CPU time and name of each job that is done
        self.begin = time.monotonic()

    def run(self):
        """Runs all jobs; true when nothing failed."""
        busy, waiting = (deque(index for index, job in enumerate(self.jobs) if job.waits == waits) for waits in (False, True))
        workers = [self.new_worker([busy, waiting]) for _ in range(self.processes_count)]
        workers += [self.new_worker([waiting]) for _ in range(min(self.waiting_count, len(waiting)))]
        try:
            self.collect(workers)
        except BaseException:
            for worker in workers:
                worker.process.terminate()  # an interrupt for it: servers are stopped, folders removed
            raise
        finally:
            for worker in workers:
                worker.dismiss()
            for worker in workers:
                worker.process.join()
        return self.counts[FAILED] == 0

    def new_worker(self, queues):
        return Worker(self.jobs, self.seed, queues)

    def collect(self, workers):
        busy = {worker.pipe: worker for worker in workers if worker.give_next()}
        while busy:
            for pipe in multiprocessing.connection.wait(list(busy)):
                worker = busy.pop(pipe)
                results, seconds, job_cpu_s = worker.results(self.jobs)
                self.times.append((seconds, job_cpu_s, self.jobs[worker.index].label()))
                self.report(results)
                if not worker.process.is_alive():
                    worker = self.new_worker(worker.queues)
                    workers.append(worker)
                if worker.give_next():
                    busy[worker.pipe] = worker

    def report(self, results):
        """Failures a line each; skips of one job for one reason share a line."""
        for result in results:
            self.counts[result.status] += 1
            if result.status == FAILED:
                print(f"FAIL  {result.name}: {result.text}", file=self.out, flush=True)
        for reason in dict.fromkeys(result.text for result in results if result.status == SKIPPED):
            names = [result.name for result in results if (result.status, result.text) == (SKIPPED, reason)]
            more = f" (and {len(names) - 1} more of its cases)" if len(names) > 1 else ""
            print(f"skip  {names[0]}{more}: {reason}", file=self.out, flush=True)

    def print_slowest(self, count):
        for seconds, job_cpu_s, label in sorted(self.times, reverse=True)[:count]:
            print(f"{seconds:6.1f} s, {job_cpu_s:5.1f} s of CPU time  {label}", file=self.out)

    def print_summary(self, what):
        elapsed = time.monotonic() - self.begin
        counts = self.counts
        print(f"{what}: {elapsed:.0f} s, seed {self.seed}", file=self.out)
        text = f"{counts[PASSED]} passed, {counts[FAILED]} failed, {counts[SKIPPED]} skipped"
        print(text, file=self.out, flush=True)
