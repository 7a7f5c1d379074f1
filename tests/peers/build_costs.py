#!/usr/bin/env python3
"""What each client costs to adopt: crates, the time of a clean release build, the size of the stripped program.

    python3 tests/peers/build_costs.py [PROGRAM...]

The programs put one record; their profile is Cargo's own, stripped. Crates are all that a program depends on and is
linked with on this machine. Sources are fetched first, so that no download is in the time. The processor time is that
of cargo and all that it starts, so it says more than the seconds where other things run as well.
"""

import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
PROGRAMS = {
    "put_ours": "firehose-blocking",
    "put_ours_only": "firehose-blocking, puts alone",
    "put_sdk": "aws-sdk-firehose, keys from two variables",
    "put_sdk_config": "aws-sdk-firehose with aws-config",
    "put_rusoto": "rusoto_firehose",
}


def cargo(*arguments):
    command = ["cargo", *arguments, "--locked"]
    return subprocess.run(command, cwd=HERE, check=True, capture_output=True, text=True).stdout


def crates(program):
    lines = cargo("tree", "-p", program, "-e", "normal", "--prefix", "none").splitlines()
    return len({line.split(" (")[0] for line in lines if line}) - 1


def build(program):
    """Seconds, seconds of all processors, bytes."""
    with tempfile.TemporaryDirectory() as target:
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        cargo("build", "--quiet", "--release", "--config", "profile.release.strip=true", "-p", program, "--target-dir", target)
        seconds, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        return seconds, cpu, (pathlib.Path(target) / "release" / program).stat().st_size


def main():
    unknown = set(sys.argv[1:]) - set(PROGRAMS)
    if unknown:
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(PROGRAMS)}")
    cargo("fetch")
    print(f"on {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{'':16}{'crates':>8}{'build s':>10}{'CPU s':>10}{'MB':>8}")
    for program in sys.argv[1:] or PROGRAMS:
        seconds, cpu, size = build(program)
        figures = f"{crates(program):>8}{seconds:>10.0f}{cpu:>10.0f}{size / 1e6:>8.1f}"
        print(f"{program:16}{figures}  {PROGRAMS[program]}", flush=True)


main()
