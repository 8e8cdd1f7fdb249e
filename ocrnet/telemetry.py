"""OpenVINO and NNCF report their use to Google Analytics: not from our processes.

`import openvino` alone writes an identifier into ~/intel and sends an event, unless a file there
says otherwise, and NNCF sends more; both through the package `openvino_telemetry`, and both do
without where it is not installed. So here it is as if it were not. Their own way out, the command
`opt_in_out --opt_out`, is for a user's whole account and reports itself: not for us to run.
"""

import sys
from types import ModuleType
from typing import cast


def switch_off() -> None:
    """Make `import openvino_telemetry` fail from now on.

    Has to run before openvino is imported; whoever did so before us has made their choice.
    """
    # None in the place of a module: Python's own way to say that there is none.
    cast("dict[str, ModuleType | None]", sys.modules).setdefault("openvino_telemetry", None)
