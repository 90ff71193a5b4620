"""Run another program to its end."""

import subprocess

from fault import Fault


def output(*argv):
    """What it printed; a Fault with its own words if it failed."""
    argv = [str(argument) for argument in argv]
    run = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True)
    if run.returncode != 0:
        words = run.stderr.decode(errors="replace").strip() or f"exit status {run.returncode}"
        raise Fault(f"'{' '.join(argv[:3])} ...' failed: {words}")
    return run.stdout
