"""What an answer took of this process: both scripts of peers answer through here."""

import resource
import sys
import time


def answer(work, told):
    """Each line of input is work; its answer is `SECONDS CPU PEAK_MIB` and what `told`, unmeasured, says of the outcome."""
    for line in sys.stdin:
        forget_peak()
        before, begin = cpu(), time.perf_counter()
        outcome = work(line.strip())
        took = time.perf_counter() - begin, cpu() - before, peak_mib()
        print(*took, *told(outcome), flush=True)


def forget_peak():
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def peak_mib():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
