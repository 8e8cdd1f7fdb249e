"""What decoding a file really takes, beside what its estimate says."""

import subprocess
import sys
from pathlib import Path

SLACK = 3_000_000  # the decoder's own tables, and what the allocator rounds up
COUNTED = Path("/proc/self/clear_refs").exists()  # only Linux counts peaks

# In a process of its own, whose peak the kernel counts from when it is told to.
_MEASURE = """
import sys
from pathlib import Path
from ocrnet.images import ImageLimits, decode_image, inspect_image
def status(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))
small, large = (Path(name).read_bytes() for name in sys.argv[1:])
decode_image(inspect_image(small, ImageLimits()))
header = inspect_image(large, ImageLimits())
Path("/proc/self/clear_refs").write_text("5")
before = status("VmRSS")
image = decode_image(header)
print(status("VmHWM") - before, header.decode_bytes)
"""


def peak_and_estimate(small: bytes, large: bytes, folder: Path) -> tuple[int, int]:
    """Bytes that decoding `large` takes at its peak, and what its header promises.

    small: a file of the same kind, decoded before so that libraries are loaded. folder: to write
    to.
    """
    files = []
    for name, data in (("small", small), ("large", large)):
        files.append(folder / name)
        files[-1].write_bytes(data)
    command = [sys.executable, "-c", _MEASURE, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    took, promised = map(int, done.stdout.split())
    return took, promised
