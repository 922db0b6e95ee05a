"""``nagare ssh`` on a real terminal: who gives up at a question is let go at once, and sees what they type again."""

import shlex
import shutil
from pathlib import Path

from tests.support.processes import RunningServer, child_environment, nagare_argv
from tests.support.pty_screen import on_pty
from tests.support.ssh_server import on_a_thread


def test_an_interrupt_at_a_question_ends_with_130_and_the_echo_is_back(
    running_server: RunningServer, tmp_path: Path
) -> None:
    bash = shutil.which("bash")
    assert bash
    running_server.register("web1")
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    environment = child_environment(PS1="$ ", HOME=str(home), NAGARE_SSH__AGENT="false")
    script = tmp_path / "go"
    with on_a_thread() as port, on_pty([bash, "--norc", "-i"], 100, 30, environment=environment) as screen:
        (home / ".ssh" / "config").write_text(f"Host web1\n  HostName 127.0.0.1\n  Port {port}\n  User ops\n")
        script.write_text(f"{shlex.join(nagare_argv('--data', running_server.data, 'ssh', 'web1'))}\n")
        screen.wait_for("$")
        screen.press(f". {script}; echo first-$?\n")
        screen.wait_for("then type yes:")
        screen.press("\x03")
        screen.wait_for("first-130")
        screen.press(f". {script}; echo second-$?\n")
        screen.wait_for(lambda text: text.count("then type yes:") == 2)
        screen.press("yes\n")
        screen.wait_for("Password of ops at web1")
        screen.press("\x03")
        screen.wait_for("second-130")
        screen.press("stty -a | grep -ow -- -echo || echo it-is-ba''ck\n")
        screen.wait_for("it-is-back")
        screen.press("exit\n")
        screen.wait()
