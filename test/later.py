"""Programs that see a later day, by libfaketime."""
import glob
import os
import pathlib

LIBRARY, = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")


def in_days(days):
    """The environment in which a program sees a later day.  One with AddressSanitizer would refuse
    to start behind a preloaded library."""
    forget_the_dead()
    asan = os.environ.get("ASAN_OPTIONS", "")
    return {"LD_PRELOAD": LIBRARY, "FAKETIME": f"+{days}d", "FAKETIME_NO_CACHE": "1",
            "ASAN_OPTIONS": f"{asan}:verify_asan_link_order=0".lstrip(":")}


def forget_the_dead():
    """The library names what it keeps in shared memory by process; a process that was killed leaves
    it, and the library complains in whichever process gets that number next."""
    for left in pathlib.Path("/dev/shm").glob("*faketime_*_*"):
        if not pathlib.Path("/proc", left.name.rsplit("_", 1)[1]).exists():
            left.unlink(missing_ok=True)
