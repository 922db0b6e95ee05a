"""``python -m benches.diagnosis record NAME …``: lets faults happen for real on this machine, and keeps what an agent told of them.

``rated FILE`` holds what people rated against what the diagnoses were sure of; docs/how-to/diagnose.md makes the file.

It starts a server and an agent, and harms the machine a little: better in a container with processes, names and processors of its own.
"""

import argparse
from pathlib import Path

from benches.diagnosis.injections import INJECTIONS
from benches.diagnosis.rated import read, report
from benches.diagnosis.recorder import record
from benches.diagnosis.recording import FOLDER, REPORTED, TUNING


def main() -> None:
    """Record and say where, or say what the ratings say."""
    parser = argparse.ArgumentParser(prog="python -m benches.diagnosis", description=__doc__)
    verbs = parser.add_subparsers(required=True)
    recording = verbs.add_parser("record", help="let faults happen, and keep what an agent told of them")
    recording.add_argument("names", nargs="+", choices=[*INJECTIONS], help="what to record")
    recording.add_argument(
        "--seed", type=int, required=True, help="what differs between two recordings of one fault comes of it"
    )
    recording.add_argument(
        "--kind", choices=[TUNING, REPORTED], required=True, help="whether thresholds may be chosen by it"
    )
    recording.add_argument("--quiet", type=float, default=240.0, metavar="SECONDS", help="time before the fault")
    recording.add_argument("--fault", type=float, default=160.0, metavar="SECONDS", help="time of the fault")
    recording.add_argument("--how", default="a machine", metavar="TEXT", help="what kind of machine it is")
    recording.add_argument("--out", type=Path, default=FOLDER, metavar="DIR", help="where to keep it")
    recording.set_defaults(run=_record)
    rating = verbs.add_parser("rated", help="hold ratings against confidences")
    rating.add_argument("file", type=Path, help="answer of nagare query as CSV")
    rating.set_defaults(run=_rate)
    arguments = parser.parse_args()
    arguments.run(arguments)


def _record(arguments: argparse.Namespace) -> None:
    for name in arguments.names:
        made = record(INJECTIONS[name], arguments.seed, arguments.quiet, arguments.fault, arguments.how)
        path = made.save(arguments.out / arguments.kind)
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB", flush=True)


def _rate(arguments: argparse.Namespace) -> None:
    with arguments.file.open(newline="", encoding="utf-8") as lines:
        print(report(read(lines)))


if __name__ == "__main__":
    main()
