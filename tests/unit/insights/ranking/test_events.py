from nagare.insights.ranking.events import Happening, events_near

_ONSET = 1_760_000_000_000


def _event(seconds_before: float, kind: str, about: str = "", text: str = "") -> Happening:
    return Happening(_ONSET - round(seconds_before * 1000), kind, about, text)


def test_what_changed_the_suspect_just_before_is_first() -> None:
    deploy = _event(40, "deploy", "db1", "orders 2.4.1")
    events = [
        _event(20, "note", "db1", "somebody said hello"),
        _event(1200, "deploy", "db1"),
        deploy,
        _event(35, "command.done", "web9"),
        _event(10, "alert.firing", "db1"),
        _event(-60, "deploy", "db1"),
        _event(4000, "reboot", "db1"),
    ]
    near = events_near(events, _ONSET, ["db1", "web2"])
    assert near[0].happening is deploy
    assert (near[0].before_ms, near[0].score > 0.8) == (40_000, True)
    assert {one.happening.kind for one in near} == {"deploy", "note", "command.done"}
    assert len(near) == 4
    assert len(events_near(events, _ONSET, ["db1"], most=2)) == 2


def test_an_event_of_no_place_counts_for_all() -> None:
    near = events_near([_event(5, "deploy"), _event(5, "deploy", "other")], _ONSET, ["db1"])
    assert [one.happening.about for one in near] == ["", "other"]
