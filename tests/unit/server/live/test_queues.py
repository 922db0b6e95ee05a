from nagare.server.live.queues import QUEUE_COLUMNS, AgentQueues
from tools.docs_metrics import AGENTS


def test_the_newest_row_of_each_agent_is_kept_until_its_host_goes() -> None:
    queues = AgentQueues()
    queues.note("web1", {"ts": [1, 1], "collector": ["cpu", "agent"], "spool_bytes": [None, 7], "rows": [3, None]})
    queues.note("web1", None)
    queues.note("web1", {"ts": [2], "collector": ["cpu"], "spool_bytes": [9]})
    queues.note("web2", {"ts": [2], "collector": ["agent"], "spool_bytes": [None], "spool_oldest_seconds": [1.5]})
    assert list(queues) == [("web1", "spool_bytes", 7.0), ("web2", "spool_oldest_seconds", 1.5)]
    queues.forget("web1")
    queues.forget("web1")
    assert [host for host, _, _ in queues] == ["web2"]


def test_every_column_is_documented() -> None:
    assert set(QUEUE_COLUMNS) == set(AGENTS)
