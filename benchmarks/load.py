"""What the gateway does at and beyond its capacity: open-loop load in steps.

Requests leave at times that were fixed before, whatever became of the others, and latency
counts from those times. Each step is bounded in time and count; docs/load.md says how to read it.

    python benchmarks/load.py --chart load.svg
    python benchmarks/load.py --mix street --timeout 120 --json load.json -- --triton local
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.lib.gateway import running_gateway
from benchmarks.lib.machine import cores, processor
from benchmarks.loadtest.capacity import Capacity
from benchmarks.loadtest.latency_chart import draw, save
from benchmarks.loadtest.load_steps import Results, Step, measure
from benchmarks.loadtest.options import Options, read_options
from benchmarks.loadtest.report import document, heading, row
from ocrnet.errors import OcrnetError

_INTERRUPTED = 130
_ARRIVALS = {"poisson": "Poisson arrivals", "even": "evenly spaced arrivals"}


def main(argv: list[str] | None = None) -> int:
    """Command line; 1 if a mask was wrong or the gateway could not be measured, 130 for Ctrl-C."""
    options = read_options(sys.argv[1:] if argv is None else argv, __doc__)
    results, status = Results(), 0
    try:
        with _gateway(options) as (url, resident):
            asyncio.run(
                measure(
                    url,
                    options.plan,
                    results,
                    resident=resident,
                    on_capacity=_say_capacity,
                    on_step=_say_step,
                )
            )
    except KeyboardInterrupt:
        status, results.left_out = _INTERRUPTED, "interrupted: what was finished is above"
    except (OcrnetError, RuntimeError) as error:  # the latter: it did not start, or end well
        status, results.left_out = 1, str(error)
    if results.left_out:
        print(f"load: {results.left_out}", file=sys.stderr)
    _write(options, results)
    wrong = sum(step.summary.wrong for step in results.steps)
    masks = sum(step.summary.codes.get("ok", 0) for step in results.steps)
    print(f"{masks} masks equal the one made alone, {wrong} do not")
    return 1 if wrong else status


@contextmanager
def _gateway(options: Options) -> Iterator[tuple[str, Callable[[], int] | None]]:
    """The URL of the gateway, and what its process holds, in bytes, if it is ours."""
    if options.url:
        yield options.url, None
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        running_gateway(Path(folder) / "log", *options.serve_flags) as gateway,
    ):
        yield str(gateway.client.base_url), gateway.resident_bytes


def _say_capacity(capacity: Capacity) -> None:
    how = (
        f"{capacity.requests} requests of {capacity.clients} clients in {capacity.seconds:.1f} s"
        if capacity.requests
        else "as stated"
    )
    print(f"capacity: {capacity.per_second:.2f} requests/s ({how})\n\n{heading()}", flush=True)


def _say_step(step: Step) -> None:
    print(row(step), flush=True)


def _write(options: Options, results: Results) -> None:
    gateway = [options.url] if options.url else ["ocrnet", "serve", *options.serve_flags]
    if options.json is not None:
        content = document(options.plan, results, gateway, options.note)
        options.json.write_text(json.dumps(content) + "\n", encoding="utf-8")
    if options.chart is not None and results.steps and results.capacity is not None:
        per_second = results.capacity.per_second
        lines = [
            f"Open-loop load: mix {options.mix}, {_ARRIVALS[options.plan.spacing]}",
            f"{' '.join(gateway)}; capacity {per_second:.2f}/s; {cores()} cores, {processor()}",
            options.note,
        ]
        title = "\n".join(line for line in lines if line)
        save(draw(results.steps, per_second, title), options.chart)


if __name__ == "__main__":
    sys.exit(main())
