"""The real executor of an agent at a real server: what is asked for really runs, and what is refused does not."""

from pathlib import Path

from nagare.config.settings import CommandSettings
from tests.component.commands.conftest import Asker
from tests.component.server.conftest import Serve
from tests.support.executor_host import ExecutorHost, followed


async def test_a_job_runs_on_a_host_and_is_followed(serve: Serve, tmp_path: Path) -> None:
    host = ExecutorHost(tmp_path / "host")
    host.box.script("site.hello", "echo hello; echo there >&2; exit 3", success="[3]")
    host.box.script("site.wait", "sleep 600")
    async with (
        serve(sections={"commands": CommandSettings(actions=host.box.actions)}) as api,
        host.running() as executor,
    ):
        asker, url = Asker(api), api.running.url
        await host.register(api.session, url, api.admin)
        async with host.linked(api.session, url, executor):
            made = await asker.ask("site.hello", "web1")
            lines = await followed(api.session, url, api.admin, made["id"])
            told = {line["stream"]: line["text"] for line in lines if line["op"] == "output"}
            assert told == {"stdout": "hello\n", "stderr": "there\n"}
            job = await asker.get(made["id"])
            command = job["commands"][0]
            assert (job["state"], command["exit_code"], command["stdout"]["text"]) == ("done", 3, "hello")
            assert "no-new-privileges" in command["holds"]

            made = await asker.ask("site.wait", "web1")
            await asker.until(made["id"], started=1)
            await asker.act("cancel", made["id"])
            job = await asker.until(made["id"], cancelled=1)
            assert job["commands"][0]["text"] == "cancelled by local"

            # The host's own word is the last one.
            host.box.allow('[[allow]]\nactions = ["host.uptime"]\n')
            made = await asker.ask("site.hello", "web1")
            job = await asker.until(made["id"], failed=1)
            assert job["commands"][0]["reason"] == "policy-denies"
