"""`nagare run` and `nagare commands` as a shell sees them, against a server that speaks their contract."""

import csv
import io
import json
import signal
import subprocess
from pathlib import Path

import pytest

from nagare.errors import PermissionDeniedError
from nagare.wire.command_jobs import Batches, Targets
from tests.support import warm
from tests.support.command_server import JOB, PLAN, CommandServer, command, serving_beside
from tests.support.processes import child_environment, nagare_argv, started
from tests.support.pty_screen import on_pty

THREE = [command("web1", out="a\nb\n"), command("db22", out="a\nb\n"), command("web3", "failed", reason="exit",
         exit_code=3, out="a\n", err="no such unit\n")]  # fmt: skip


def nagare(server: CommandServer, *words: str, status: int = 0, stdin: str = "") -> tuple[str, str]:
    """Run ``nagare`` to its end and return what it wrote, after a look at its status."""
    ended = warm.run(
        nagare_argv(words[0], "--server", server.url, *words[1:]),
        capture_output=True, text=True, check=False, env=child_environment(), timeout=60, input=stdin,
    )  # fmt: skip
    assert ended.returncode == status, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stdout, ended.stderr


def test_lines_come_behind_their_host_and_equal_output_is_told_once() -> None:
    with serving_beside(CommandServer(THREE)) as server:
        out, err = nagare(server, "run", "web1,db22", "web3", "-o", "table", "--", "host.uptime", status=1)
    assert out == (
        "web1 | a\nweb1 | b\ndb22 | a\ndb22 | b\nweb3 | a\nweb3 ! no such unit\n"
        "── web1, db22 (2 hosts): done\n| a\n| b\n── web3: failed, exit 3\n| a\n! no such unit\n"
    )
    assert err == (
        f"nagare: job {JOB} on 3 hosts\nnagare: host.uptime: 2 done, 1 failed (exit 3) (job {JOB})\n"
        "  web3: failed, exit 3\n"
    )
    assert server.requests[1].targets == Targets(hosts=["web1", "db22", "web3"])


def test_one_host_is_not_told_twice_unless_some_was_lost() -> None:
    with serving_beside(CommandServer([command("web1", out="a\nb\n")])) as server:
        assert nagare(server, "run", "web1", "-o", "table", "--", "host.uptime")[0] == "web1 | a\nweb1 | b\n"
    with serving_beside(CommandServer([command("web1", out="a\nb\n")], output=[("web1", "stdout", "b\n")])) as server:
        out, _ = nagare(server, "run", "web1", "-o", "table", "--", "host.uptime")
    assert out == "web1 | b\n── web1: done\n| a\n| b\n"


def test_foreign_output_steers_no_terminal() -> None:
    ends = [command("web1", out="\x1b]0;x\x07\u202eevil\n", text="", err="")]
    with serving_beside(CommandServer(ends)) as server:
        out, _ = nagare(server, "run", "web1", "-o", "table", "--", "host.uptime")
    assert out == "web1 | ␛]0;x␇\ufffdevil\n"


def test_a_host_that_went_between_check_and_job_is_told() -> None:
    late = {"web1": "away", "db1": "not granted any more"}
    with serving_beside(CommandServer([command("web1")], late_unable=late)) as server:
        _, err = nagare(server, "run", "--all", "-o", "table", "--", "host.uptime", status=11)
    assert "nagare: host web1 is away: away\nnagare: host db1 is left out: not granted any more\n" in err
    assert "1 done, 1 not asked" in err
    assert "  db1: not asked: not granted any more\n" in err


@pytest.mark.parametrize(
    ("ends", "unable", "status", "said"),
    [
        ([command("a"), command("b")], {}, 0, "2 done (job"),
        ([command("a"), command("b", "expired", reason="expired")], {}, 11, "1 done, 1 expired"),
        ([command("a", "cancelled", reason="rejected", text="by bob: no")], {}, 11, "1 cancelled (rejected)"),
        ([command("a")], {"db1": "not granted"}, 11, "1 done, 1 not asked"),
        ([command("a")], {"a": "offline"}, 0, "1 done (job"),
        ([command("a", "cancelled", reason="cancelled")], {"db1": "offline"}, 12, "1 cancelled, 1 not asked"),
        (
            [command("a", "cancelled"), command("b", "failed", reason="timeout")],
            {},
            1,
            "1 failed (timeout), 1 cancelled",
        ),
        ([command("a", "lost", reason="agent-died"), command("b", "failed")], {}, 10, "1 failed, 1 lost (agent-died)"),
    ],
)
def test_the_worst_outcome_is_the_status(ends: list, unable: dict[str, str], status: int, said: str) -> None:
    with serving_beside(CommandServer(ends, unable=unable)) as server:
        _, err = nagare(server, "run", "a", "--", "host.uptime", status=status)
    assert said in err


def test_every_format() -> None:
    with serving_beside(CommandServer(THREE, stopped="too many failed")) as server:
        words = ("run", "--all", "--", "host.uptime")
        document = json.loads(nagare(server, *words, status=1)[0])
        assert document["commands"][2]["stderr"]["text"] == "no such unit\n"
        server.is_ended = False
        lines = [
            json.loads(line)
            for line in nagare(server, *words[:-2], "-o", "ndjson", *words[-2:], status=1)[0].splitlines()
        ]
        assert [line["op"] for line in lines] == ["state"] * 3 + ["output"] * 4 + ["state"] * 3 + ["job"]
        server.is_ended = False
        out, err = nagare(server, *words[:-2], "-o", "csv", *words[-2:], status=1)
        assert [row["exit_code"] for row in csv.DictReader(io.StringIO(out))] == ["0", "0", "3"]
        assert "; stopped: too many failed (job" in err


def test_quiet_says_nothing_but_data() -> None:
    with serving_beside(CommandServer(unable={"x": "offline"})) as server:
        assert nagare(server, "run", "a", "-q", "-o", "table", "--", "host.uptime", status=11) == (
            "web1 | up 3 days\n",
            "",
        )


def test_all_that_is_typed_reaches_the_server(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret!\n")
    with serving_beside(CommandServer()) as server:
        nagare(
            server, "run", "web1", "@web,@db", "role=front", "-l", "rack=b7", "--query", "SELECT host FROM cpu",
            "--canary", "1", "--concurrency", "5", "--stop-after", "2", "--expires", "10m", "--why", "new",
            "--break-glass", "fire", "--yes", "--secret-file", f"token={tmp_path / 'token'}", "--",
            "site.deploy", "version=1=2", "only=a", "only=b", "workers=8", "force=yes",
        )  # fmt: skip
    checked, real = server.requests
    assert checked.targets == Targets(["web1"], ["web", "db"], {"role": "front", "rack": "b7"}, "SELECT host FROM cpu")
    # What was checked is what runs, whatever the query would say by now.
    assert real.targets == Targets(["web1"])
    assert real.arguments == {"version": "1=2", "only": ["a", "b"], "workers": 8, "force": True}
    assert real.secrets == {"token": "s3cret!"}
    assert (real.batches, real.expires_seconds, real.why) == (Batches(1, 5, 2), 600.0, "new")
    assert (real.break_glass, real.confirm, real.check) == ("fire", PLAN, False)
    assert (checked.check, checked.confirm, checked.arguments) == (True, "", real.arguments)


def test_a_secret_comes_from_stdin() -> None:
    with serving_beside(CommandServer()) as server:
        words = ("run", "a", "--detach", "--secret-file", "token=-", "--", "site.deploy", "version=1")
        nagare(server, *words, stdin="s3cret!\n")
    assert server.requests[1].secrets == {"token": "s3cret!"}


@pytest.mark.parametrize(
    ("words", "status", "said", "hint"),
    [
        (["a"], 2, "which action?", "it stands behind --"),
        (["a", "--"], 2, "which action?", "it stands behind --"),
        (["--", "host.uptime"], 2, "none is named", "--all"),
        (["a", "--all", "--", "host.uptime"], 2, "--all means every host", ""),
        (["a", "role=", "--", "host.uptime"], 2, "cannot use label 'role='", "role=db"),
        (["@", "--", "host.uptime"], 2, "it has no name", "groups"),
        (["a/b", "--", "host.uptime"], 2, "cannot use host name", ""),
        (["a", "--", "host.uptme"], 5, "the server knows no such action", "'host.uptime'"),
        (["a", "--", "service.restart", "untit=x"], 2, "service.restart has no such one", "'unit'"),
        (["a", "--", "service.restart", "-o", "json"], 2, "must read NAME=VALUE", "stand before --"),
        (["a", "--", "service.restart", "unit=x", "unit=y"], 2, "given twice", ""),
        (["a", "--", "site.deploy", "workers=four"], 2, "'four' is no whole number", ""),
        (["a", "--", "site.deploy", "force=maybe"], 2, "neither true nor false", ""),
        (["a", "--", "site.deploy", "token=abcd"], 2, "others can see a command line", "--secret token"),
        (["a", "--secret", "token", "--", "site.deploy"], 2, "this is no terminal", "--secret-file token=-"),
        (["a", "--secret", "tokn", "--", "site.deploy"], 2, "no such one", "'token'"),
        (["a", "--secret-file", "token=/no/such", "--", "site.deploy"], 2, "no such file", ""),
        (["a", "--secret-file", "token", "--", "site.deploy"], 2, "must read NAME=PATH", "stdin"),
        (["a", "--", "service.restart", "unit=x"], 2, "nobody is here to confirm it", "--yes"),
        (["a", "--expires", "soon", "--", "host.uptime"], 2, "cannot read duration", "15m"),
    ],
)  # fmt: skip
def test_wrong_usage_makes_no_job(words: list[str], status: int, said: str, hint: str) -> None:
    with serving_beside(CommandServer()) as server:
        out, err = nagare(server, "run", *words, status=status)
    assert out == ""
    assert said in err.splitlines()[0]
    assert hint in err
    assert all(request.check for request in server.requests)


def test_a_refused_request_has_the_status_of_its_problem() -> None:
    refusal = PermissionDeniedError("cannot run host.uptime: you may not", hint="ask an admin")
    with serving_beside(CommandServer(refusal=refusal)) as server:
        out, err = nagare(server, "run", "a", "--", "host.uptime", status=6)
    assert (out, err) == ("", "nagare: cannot run host.uptime: you may not\n  hint: ask an admin\n")
    with serving_beside(CommandServer([], unable={"a": "offline"})) as server:
        assert "no host can be asked (a: offline)" in nagare(server, "run", "a", "--", "host.uptime", status=3)[1]


def test_a_check_says_what_would_run_and_makes_no_job() -> None:
    ends = [command(f"web{number}") for number in range(3)]
    with serving_beside(CommandServer(ends, unable={"db1": "offline"})) as server:
        words = ("run", "@web", "--check", "-o", "table", "--", "service.restart", "unit=nginx.service")
        out, err = nagare(server, *words)
        assert (
            json.loads(nagare(server, *[word for word in words if word not in ("-o", "table")])[0])["plan_sha256"]
            == PLAN
        )
    assert out == (
        "action    service.restart aaaaaaaaaaaaaaaa\nruns      systemctl restart -- nginx.service\n"
        "on        web0, web1, web2 (3 hosts)\nnot on    db1: offline\nrisk      self-confirm: you confirm it\n"
        f"plan      {PLAN}\n"
    )
    assert err == ""
    assert [request.check for request in server.requests] == [True, True]


def test_yes_confirms_the_plan_that_was_checked() -> None:
    with serving_beside(CommandServer()) as server:
        nagare(server, "run", "a", "--yes", "--", "service.restart", "unit=x")
    assert [request.confirm for request in server.requests] == ["", PLAN]


def test_detach_prints_the_id_alone() -> None:
    with serving_beside(CommandServer()) as server:
        assert nagare(server, "run", "a", "--detach", "--", "host.uptime") == (f"{JOB}\n", "")
        out, _ = nagare(server, "run", "a", "--detach", "-o", "json", "--", "host.uptime")
        assert json.loads(out)["id"] == JOB
        _, err = nagare(server, "run", "a", "--detach", "--", "site.deploy", "version=1")
    assert f"\n  nagare commands approve {JOB}\n" in err


def test_a_job_waits_for_another_person_who_agrees_to_what_was_shown() -> None:
    with serving_beside(CommandServer(is_held=True)) as server:
        words = nagare_argv("run", "--server", server.url, "a", "--", "site.deploy", "version=1")
        with started(words) as process:
            assert server.followed.wait(30), process.said()
            assert "nobody is here to confirm it" in nagare(server, "commands", "approve", JOB, status=2)[1]
            _, err = nagare(server, "commands", "approve", JOB, "--yes")
            assert err == f"nagare: job {JOB} is approved and runs; `nagare commands follow {JOB}` watches it\n"
            assert process.wait() == 0
        assert "does not wait for anybody" in nagare(server, "commands", "approve", JOB, "--yes", status=7)[1]


def test_ctrl_c_ends_the_watching_and_never_the_job() -> None:
    with serving_beside(CommandServer(is_held=True)) as server:
        with started(nagare_argv("run", "--server", server.url, "a", "--", "host.uptime")) as process:
            assert server.followed.wait(30), process.said()
            process.send(signal.SIGINT)
            assert process.wait() == 130
        assert f"`nagare commands follow {JOB}` watches it, `nagare commands cancel {JOB}` ends it" in process.said()
        assert not any(asked.endswith("/cancel") for asked in server.asked)


def test_ctrl_c_on_a_terminal_leaves_a_clean_line() -> None:
    with serving_beside(CommandServer(is_held=True)) as server:
        with on_pty(nagare_argv("run", "--server", server.url, "a", "--", "host.uptime"), 100, 20) as screen:
            screen.wait_for("1 queued")
            screen.press("\x03")
            assert screen.wait() == 130
            shown = screen.text().splitlines()
        assert any(line.startswith(f"nagare: it goes on without you: `nagare commands follow {JOB}`") for line in shown)
        assert not any("1 queued" in line for line in shown), "the line of the progress is cleared"


def test_a_reader_that_goes_away_ends_the_watching_and_never_the_job() -> None:
    with serving_beside(CommandServer(is_held=True)) as server:
        words = nagare_argv("run", "--server", server.url, "-o", "ndjson", "a", "--", "host.uptime")
        with warm.popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=child_environment()) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            assert b'"queued"' in process.stdout.readline()
            process.stdout.close()
            # The stand-in goes on with whatever decision comes; the reader is gone by then.
            nagare(server, "commands", "cancel", JOB)
            assert process.wait(60) == 141
            assert f"`nagare commands follow {JOB}` watches it" in process.stderr.read().decode()


def test_a_lost_connection_is_told_once_and_taken_up_again() -> None:
    with serving_beside(CommandServer([command("web1", out="a\n"), command("web2", out="a\n")], cuts=[0, 3])) as server:
        out, err = nagare(server, "run", "a", "-o", "table", "--", "host.uptime")
    assert out.startswith("web1 | a\nweb2 | a\n── web1, web2 (2 hosts): done\n")
    assert err.count("the job goes on, and so does watching it") == 2
    assert err.count("the connection holds again") == 2


def test_a_person_reads_the_plan_and_types_yes() -> None:
    with serving_beside(CommandServer([command("web1", out="ok\n")])) as server:
        words = nagare_argv("run", "--server", server.url, "web1", "--", "service.restart", "unit=nginx.service")
        with on_pty(words, 100, 30) as screen:
            shown = screen.wait_for("Type yes to go on")
            assert "runs      systemctl restart -- nginx.service" in shown
            screen.press("no\r")
            assert screen.wait() == 2
        with on_pty(words, 100, 30) as screen:
            screen.wait_for("Type yes to go on")
            screen.press("yes\r")
            screen.wait_for("1 done")
            assert "web1 | ok" in screen.text()
            assert screen.wait() == 0
    assert server.requests[-1].confirm == PLAN


def test_going_without_the_second_person_is_asked_for_in_these_words() -> None:
    with serving_beside(CommandServer()) as server:
        words = [
            "run",
            "--server",
            server.url,
            "a",
            "--break-glass",
            "fire",
            "--detach",
            "--",
            "site.deploy",
            "version=1",
        ]
        with on_pty(nagare_argv(*words), 100, 30) as screen:
            screen.wait_for("Run this without the second person?")
            screen.press("yes\r")
            assert screen.wait() == 0
    assert (server.requests[-1].break_glass, server.requests[-1].confirm) == ("fire", PLAN)


def test_a_secret_that_is_typed_is_not_shown() -> None:
    with serving_beside(CommandServer()) as server:
        words = nagare_argv(
            "run", "--server", server.url, "a", "--secret", "token", "--detach", "--", "site.deploy", "version=1"
        )
        with on_pty(words, 100, 30) as screen:
            screen.wait_for("Secret token")
            screen.press("hunter22\r")
            shown = screen.wait_for(JOB)
            assert "hunter22" not in shown
            assert screen.wait() == 0
    assert server.requests[-1].secrets == {"token": "hunter22"}


def test_follow_takes_up_an_ended_job_with_its_status() -> None:
    with serving_beside(CommandServer(THREE, is_ended=True, output=[])) as server:
        out, err = nagare(server, "commands", "follow", JOB, "-o", "table", status=1)
        assert out.startswith("── web1, db22 (2 hosts): done\n")
        assert "2 done, 1 failed" in err
        assert "no such one" in nagare(server, "commands", "follow", "gone", status=5)[1]


def test_list_and_show() -> None:
    with serving_beside(CommandServer(THREE, is_ended=True)) as server:
        assert [job["id"] for job in json.loads(nagare(server, "commands")[0])] == ["job-1", "job-2", "job-3"]
        out, _ = nagare(
            server,
            "commands",
            "list",
            "--state",
            "ended",
            "--host",
            "web1",
            "--since",
            "2026-11-01",
            "-n",
            "2",
            "-o",
            "table",
        )
        assert [line.split()[0] for line in out.splitlines()] == ["id", "job-1", "job-2"]
        assert "2 done, 1 failed" in out
        assert nagare(server, "commands", "list", "--state", "pending")[0] == "[]\n"
        assert nagare(server, "commands", "list", "--host", "web9")[0] == "[]\n"
        assert "did you mean 'pending'" in nagare(server, "commands", "list", "--state", "pendin", status=2)[1]
        out, _ = nagare(server, "commands", "show", JOB, "-o", "table")
        assert "on        web1, db22, web3 (3 hosts)" in out
        assert out.endswith("── web3: failed, exit 3\n| a\n! no such unit\n")
        assert json.loads(nagare(server, "commands", "show", JOB)[0])["id"] == JOB
        assert nagare(server, "commands", "show", JOB, "-o", "csv")[0].startswith("host,state,reason")


def test_reject_and_cancel_say_what_became_of_it() -> None:
    with serving_beside(CommandServer()) as server:
        assert "is rejected" in nagare(server, "commands", "reject", JOB, "--why", "not now")[1]
        assert server.why == "not now"
        assert "is being cancelled" in nagare(server, "commands", "cancel", JOB)[1]
        assert json.loads(nagare(server, "commands", "cancel", JOB, "-o", "json")[0])["id"] == JOB


def test_the_first_characters_of_an_id_will_do_where_they_fit_one_job_alone() -> None:
    with serving_beside(CommandServer(is_ended=True)) as server:
        nagare(server, "commands", "show", "job-2")
        nagare(server, "commands", "cancel", "job-3…")
        assert server.asked[-1] == "POST /api/v1/commands/job-3/cancel"
        assert "3 jobs begin so" in nagare(server, "commands", "cancel", "job-", status=2)[1]
        nagare(server, "commands", "cancel", "job", status=5)
        nagare(server, "commands", "cancel", "job-4", status=5)


def test_actions_are_listed_with_their_parameters_and_risk() -> None:
    with serving_beside(CommandServer()) as server:
        out, _ = nagare(server, "commands", "actions", "-o", "table")
        assert "second-person  version= [only=…] [workers=4] [force=] [token=]" in out
        assert [action["is_own"] for action in json.loads(nagare(server, "commands", "actions")[0])] == [
            False,
            False,
            True,
        ]
        out, _ = nagare(server, "commands", "actions", "site.deploy", "-o", "table")
        assert "[workers=4]  integer; how many; 1 to 64" in out
        assert json.loads(nagare(server, "commands", "actions", "site.deploy")[0])["risk"] == "second-person"
        assert "did you mean" in nagare(server, "commands", "actions", "site.deply", status=5)[1]


def test_the_shell_completes_actions_and_parameters() -> None:
    def offered(line: str) -> str:
        environment = child_environment(
            _NAGARE_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(len(line.split(" ")) - 1)
        )
        return warm.run(nagare_argv(), capture_output=True, text=True, check=False, env=environment, timeout=60).stdout

    assert offered("nagare run web1 -- service.").split() == ["service.logs", "service.restart", "service.status"]
    assert offered("nagare run web1 -- service.logs ").split() == ["unit=", "lines=", "since="]
    assert "--break-glass" in offered("nagare run --br")
    assert offered("nagare run we").split() == []
    assert offered("nagare commands list --state p").split() == ["pending"]
    assert offered("nagare commands actions host.").split() == ["host.reboot", "host.uptime"]
