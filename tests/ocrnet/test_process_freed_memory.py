"""Kept memory costs no page faults; seen by the kernel's own count of them."""

import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's mallopt")

# As requests do: some blocks of several MB at a time, in a thread, all freed at the end of each.
_ROUNDS = """
import resource, threading
{setting}
faults = []
def work():
    for _ in range(8):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        blocks = [b"x" * size for size in (6_000_000, 6_000_001, 6_000_002, 6_000_003)]
        del blocks
        faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
thread = threading.Thread(target=work)
thread.start()
thread.join()
print(max(faults[2:]))
"""


def _most_faults(setting: str) -> int:
    code = _ROUNDS.format(setting=setting)
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return int(run.stdout)


def test_what_is_kept_is_not_faulted_in_again() -> None:
    assert _most_faults("") > 1000
    for setting in ("keep_freed(2**27)", "keep_all_freed()"):
        setting = f"from ocrnet.process import keep_freed, keep_all_freed; {setting}"
        assert _most_faults(setting) < 50


def test_past_the_most_it_is_given_back() -> None:
    setting = "from ocrnet.process import keep_freed; keep_freed(2**22)"
    assert _most_faults(setting) > 1000
