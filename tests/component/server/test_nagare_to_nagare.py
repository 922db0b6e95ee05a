"""What one Nagare tells another by its webhook: the alert arrives whole, once, and ends there too."""

from pathlib import Path

from nagare.alerting.notify.channels import make_channels
from nagare.model.event import Event
from nagare.model.notify.notice import Notice
from nagare.model.notify.receiver import ChannelKind
from nagare.model.notify.sending import NotSent, Sent
from tests.component.server.conftest import Api
from tests.support.outgoing_notices import channel, delivery, line, notice, over

_PATH = "/api/v1/webhooks/alertmanager"


async def _tell(_: Event) -> None:
    raise AssertionError("no terminal is told")


async def _send(api: Api, secret_file: Path, *told: Notice) -> list[Sent | NotSent]:
    channels = make_channels(api.services.clock, _tell)
    one = channel(ChannelKind.WEBHOOK, secret_file=str(secret_file), url=f"{api.running.url}{_PATH}")
    try:
        return [await channels.send(one, delivery(each, one.kind), "", "") for each in told]
    finally:
        await channels.close()


async def test_an_alert_arrives_whole_and_ends(api: Api, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(api.admin)
    both = notice(line("web1"), line("db1", fingerprint="0f", severity=1, summary="a\x1b[31m\n<b>"))
    assert await _send(api, tmp_path / "key", both, both) == [Sent(), Sent()]
    statement = "SELECT name, host, severity, state, labels['device'] FROM alerts ORDER BY host"
    first, second = await api.sql(statement)
    assert first == ["DiskFull", "db1", 1, "firing", "/dev/sda1"]
    assert second == ["DiskFull", "web1", 3, "firing", "/dev/sda1"]
    assert await _send(api, tmp_path / "key", over(line("web1"))) == [Sent()]
    assert await api.sql("SELECT host, state FROM alerts ORDER BY host") == [
        ["db1", "firing"],
        ["web1", "resolved"],
    ]


async def test_a_wrong_key_is_final_and_not_repeated(api: Api, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("nagare_wrong-key")
    (sent,) = await _send(api, tmp_path / "key", notice())
    assert sent == NotSent(
        "cannot send to ops/phone at 127.0.0.1: it answered with status 401 (Unauthorized)", is_final=True
    )
