"""OpenVINO, NNCF and ONNX Runtime report their use to their makers: not from our processes.

`import openvino` alone writes an identifier into ~/intel and sends an event, unless a file there
says otherwise, and NNCF sends more; both through the package `openvino_telemetry`, and both do
without where it is not installed. So here it is as if it were not. Their own way out, the command
`opt_in_out --opt_out`, is for a user's whole account and reports itself: not for us to run.

ONNX Runtime has a variable that turns it off (from 1.29 on it reports on Linux, too).
"""

import os
import sys
from types import ModuleType
from typing import cast


def switch_off() -> None:
    """Make `import openvino_telemetry` fail from now on, and tell ONNX Runtime not to report.

    Has to run before either is imported; whoever did so before us has made their choice.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    # None in the place of a module: Python's own way to say that there is none.
    cast("dict[str, ModuleType | None]", sys.modules).setdefault("openvino_telemetry", None)
