"""Who may see a stored diagnosis: who sees every host and table that it speaks of, and nobody else by any way."""

import msgspec

from nagare.diagnosis.store import Kept
from nagare.wire.diagnosis import EvidenceView
from tests.component.server.conftest import Api
from tests.component.server.test_diagnoses import PASSWORD, login, tell


async def join(api: Api, name: str, *grants: tuple[str, list[str] | None]) -> str:
    """Return the token of a new user with those roles, each in some groups or everywhere."""
    user = {
        "name": name,
        "password": PASSWORD,
        "grants": [{"role": role, "groups": groups} for role, groups in grants],
    }
    answer = await api.call("POST", "/api/v1/users", user)
    assert answer.status == 200, answer.raw
    answer = await api.call("POST", "/api/v1/auth/login", {"user": name, "password": PASSWORD}, token=None)
    return str(answer.json["access_token"])


async def make_role(api: Api, name: str, *permissions: str) -> None:
    answer = await api.call("PUT", f"/api/v1/roles/{name}", {"permissions": list(permissions)})
    assert answer.status == 200, answer.raw


async def made_by(api: Api, **request: str) -> str:
    answer = await api.call("POST", "/api/v1/diagnose", request)
    assert answer.status == 200, answer.raw
    return str(answer.json["id"])


async def status(api: Api, id_: str, token: str) -> int:
    return (await api.call("GET", f"/api/v1/diagnoses/{id_}", token=token)).status


async def test_who_may_only_ask_reaches_none_that_was_made(api: Api) -> None:
    await tell(api, "db1", 0.99)
    made = await made_by(api, host="db1")
    await make_role(api, "asker", "diagnose.run", "metrics.read")
    token = await join(api, "dora", ("asker", None))
    for path in ("/api/v1/diagnose", "/api/v1/diagnose/preview"):
        assert (await api.call("POST", path, {"after": made}, token=token)).status == 404, path
    assert (await api.call("DELETE", f"/api/v1/diagnoses/{made}", token=token)).status == 404
    assert await status(api, made, "") == 200


async def test_every_host_that_was_looked_at_counts_and_so_do_metrics(api: Api) -> None:
    await tell(api, "db1", 0.5)
    await tell(api, "web1", 0.99)
    whole, own = await made_by(api), await made_by(api, host="web1")
    web = await login(api, "operator", ["web"])
    # Of db1, which is well, no evidence is told.
    assert (await status(api, whole, web), await status(api, own, web)) == (404, 200)
    await make_role(api, "reader", "diagnose.read")
    both = await join(api, "erik", ("reader", None), ("viewer", ["web"]))
    assert (await status(api, whole, both), await status(api, own, both)) == (404, 200)


async def test_a_follow_up_is_as_far_as_what_it_follows(api: Api) -> None:
    await tell(api, "db1", 0.99)
    await tell(api, "web1", 0.5)
    follow_up = await made_by(api, host="web1", after=await made_by(api, host="db1"))
    assert await status(api, follow_up, await login(api, "operator", ["web"])) == 404
    kept = await api.services.diagnoses.store.find(follow_up)
    assert kept is not None
    assert {"db1", "web1"} <= kept.hosts
    assert "disk" in kept.tables


async def test_who_sees_a_host_and_may_not_diagnose_it_forgets_nothing_of_it(api: Api) -> None:
    await tell(api, "db1", 0.99)
    made = await made_by(api, host="db1")
    token = await join(api, "dora", ("viewer", None), ("operator", ["web"]))
    assert await status(api, made, token) == 200
    assert (await api.call("DELETE", f"/api/v1/diagnoses/{made}", token=token)).status == 403


async def test_what_people_wrote_down_needs_the_right_to_read_it(api: Api) -> None:
    await tell(api, "db1", 0.5)
    made = await made_by(api, host="db1")
    store = api.services.diagnoses.store
    kept = await store.find(made)
    assert kept is not None
    piece = EvidenceView("E1", "passage", "", "restart", "what to do")
    view = msgspec.structs.replace(kept.view, id="f" * 32, evidence=[piece])
    await store.add(Kept(view, kept.asked_ms, kept.hosts, kept.tables | {"kb"}))
    await make_role(api, "reader", "diagnose.read", "metrics.read")
    token = await join(api, "dora", ("reader", None))
    assert (await status(api, made, token), await status(api, view.id, token)) == (200, 404)
