"""The real command line, the real server and a real agent: what a person sees of a host without a grant, without a policy, and with both."""

from pathlib import Path

from tests.support import warm
from tests.support.processes import child_environment, collecting, nagare_argv, serving, wait_until

NAME = "web1"


def _nagare(data: Path, *words: str) -> tuple[int, str]:
    """Return the status of a command and what it wrote, both streams."""
    argv = nagare_argv("--data", data, *words)
    ended = warm.run(argv, capture_output=True, check=False, timeout=120, env=child_environment())
    return ended.returncode, (ended.stdout + ended.stderr).decode()


def test_a_command_reaches_a_real_agent_once_its_host_wants_it(tmp_path: Path) -> None:
    data, policy = tmp_path / "data", tmp_path / "policy.toml"
    environment = child_environment(NAGARE_COMMANDS__POLICY=str(policy), NAGARE_AGENT__NAME=NAME)
    run = ("run", NAME, "-o", "table", "--expires", "90s", "--", "disk.usage")
    with serving(data, environment=environment) as server:
        with collecting(data, environment=environment) as agent:
            wait_until(lambda: NAME in _nagare(data, "hosts")[1], "the host", agent)
            status, said = _nagare(data, *run)
            assert (status, "--allow commands" in said) == (3, True), said
            assert _nagare(data, "hosts", "accept", NAME, "--allow", "commands")[0] == 0
            # The agent learns of it by itself, and connects.
            status, said = _nagare(data, *run)
            assert (status, "no-policy" in said, str(policy) in said) == (1, True, True), said
            policy.write_text('[[allow]]\nactions = ["disk.*"]\n')
            policy.chmod(0o600)
            status, said = _nagare(data, *run)
            assert (status, f"{NAME} | Filesystem" in said, "1 done" in said) == (0, True, True), said
            status, said = _nagare(data, "run", NAME, "-o", "table", "--", "host.uptime")
            assert (status, "policy-denies" in said) == (1, True), said
        status, said = _nagare(data, "run", NAME, "-o", "table", "--expires", "5s", "--", "disk.usage")
        assert (status, "1 expired" in said) == (11, True), said
        states = server.sql("SELECT state, reason FROM commands ORDER BY ts")
    assert states == [["failed", "no-policy"], ["done", "exit"], ["failed", "policy-denies"], ["expired", "expired"]]
    assert _nagare(data, "audit", "verify")[0] == 0
