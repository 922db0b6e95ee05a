"""``python -m benches.diagnosis record NAME …``: lets faults happen for real on this machine, and keeps what an agent told of them.

It starts a server and an agent, and harms the machine a little: better in a container with processes, names and processors of its own.
"""

import argparse
from pathlib import Path

from benches.diagnosis.injections import INJECTIONS
from benches.diagnosis.recorder import record
from benches.diagnosis.recording import FOLDER, REPORTED, TUNING


def main() -> None:
    """Record, and say where."""
    parser = argparse.ArgumentParser(prog="python -m benches.diagnosis", description=__doc__)
    parser.add_argument("verb", choices=["record"])
    parser.add_argument("names", nargs="+", choices=[*INJECTIONS], help="what to record")
    parser.add_argument(
        "--seed", type=int, required=True, help="what differs between two recordings of one fault comes of it"
    )
    parser.add_argument(
        "--kind", choices=[TUNING, REPORTED], required=True, help="whether thresholds may be chosen by it"
    )
    parser.add_argument("--quiet", type=float, default=240.0, metavar="SECONDS", help="time before the fault")
    parser.add_argument("--fault", type=float, default=160.0, metavar="SECONDS", help="time of the fault")
    parser.add_argument("--how", default="a machine", metavar="TEXT", help="what kind of machine it is")
    parser.add_argument("--out", type=Path, default=FOLDER, metavar="DIR", help="where to keep it")
    arguments = parser.parse_args()
    for name in arguments.names:
        made = record(INJECTIONS[name], arguments.seed, arguments.quiet, arguments.fault, arguments.how)
        path = made.save(arguments.out / arguments.kind)
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
